package museum

// moreRelayRows are more slips, in what a relay moves and with what.
var moreRelayRows = []Row{
	{
		Name: "buffer_reused_while_in_flight", Tiers: "D",
		Story: "a buffer that one transfer holds is lent to another",
		Plants: []Plant{{
			Edits:    []Edit{{"pool/buffers.go", "b.stock = b.stock[:n-1]\n", ""}},
			Catchers: []Catcher{{tierD, "./splice", "^TestRelayWithBothDirectionsFullSleeps$/^mode2$"}},
		}},
	},
	{
		Name: "governor_never_gives_back", Tiers: "unit",
		Story: "the pages of a pipe that was closed stay taken",
		Plants: []Plant{{
			Edits:    []Edit{{"pool/governor.go", "g.used.Add(-slots(big))", ""}},
			Catchers: []Catcher{{unit, "./pool", "^TestIdleStockShrinksToNothing$"}},
		}},
	},
	{
		Name: "big_pages_never_come_back", Tiers: "unit",
		Story: "the share of big pipes is used up for good, and bulk stays in small ones",
		Plants: []Plant{{
			Edits:    []Edit{{"pool/governor.go", "if big {\n\t\tg.usedBig.Add(-BigSlots)\n\t}", ""}},
			Catchers: []Catcher{{unit, "./pool", "^TestBigPipesComeBackIntoTheBudget$"}},
		}},
	},
	{
		Name: "shortage_is_asked_again_at_once", Tiers: "unit",
		Story: "a pipe that cannot be had is asked for with every drain",
		Plants: []Plant{{
			Edits:    []Edit{{"pool/pipes.go", "*dry != 0 && p.k.Now() < *dry || ", ""}},
			Catchers: []Catcher{{unit, "./pool", "^TestPipeBornSmallIsNotUsed$"}},
		}},
	},
	{
		Name: "big_pipe_for_the_stalled", Tiers: "D",
		Story: "a transfer whose sink stalled keeps its claim to a big pipe",
		Plants: []Plant{{
			Edits:    []Edit{{"splice/transfer.go", "t.flowed = 0\n", "t.flowed += 0\n"}},
			Catchers: []Catcher{{tierD, "./splice", "^TestStallCostsTheBigPipe$"}},
		}},
	},
	{
		Name: "refusal_ends_the_source", Tiers: "D",
		Story: "EINVAL of splice is taken for a failure of the socket",
		Plants: []Plant{{
			Edits:    []Edit{{"fd/io.go", "case sys.EINVAL, sys.ENOSYS", "case sys.ENOSYS"}},
			Catchers: []Catcher{{tierD, "./splice", "^TestRefusedSpliceFallsBackToCopying$"}},
		}},
	},
	{
		Name: "probe_missing", Tiers: "D",
		Story: "the reset of a side that had ended is seen by nobody",
		Plants: []Plant{{
			Edits: []Edit{{"splice/relay.go",
				"d.Probe(out.src.Loop().Kernel()) // nobody reads it any more",
				"_ = d"}},
			Catchers: []Catcher{{tierD, "./splice", "^TestResetAfterHalfCloseReachesASilentPeer$"}},
		}},
	},
	{
		Name: "deliver_resets_at_once", Tiers: "D",
		Story: "the reset does not wait for what the peer's kernel has still to be given",
		Plants: []Plant{{
			Edits:    []Edit{{"splice/finish.go", "if left == 0 || r.deliver", "if left >= 0 || r.deliver"}},
			Catchers: []Catcher{{tierD, "./splice", "^TestAllThatWasAcknowledgedArrivesInFrontOfAReset$/^mode1$"}},
		}},
	},
	{
		Name: "hang_up_means_nobody_is_left", Tiers: "D",
		Story: "HUP, which two orderly ends cause as well, cuts an answer that was complete",
		Plants: []Plant{{
			Edits: []Edit{{"splice/finish.go",
				"d.Probe(c.Loop().Kernel()) // a hang-up may be a reset, or two orderly ends",
				"return 0"}},
			Catchers: []Catcher{{tierD, "./splice", "^TestAnswerIsOwedToAClientThatHangsUp$"}},
		}},
	},
	{
		Name: "unix_close_is_a_reset", Tiers: "D",
		Story: "a Unix peer that answered and closed is taken for one that reset",
		Plants: []Plant{{
			Edits:    []Edit{{"fd/io.go", "if d.kind == sys.Unix {\n\t\t_, e = k.Recv", "if false {\n\t\t_, e = k.Recv"}},
			Catchers: []Catcher{{tierD, "./splice", "^TestUnixPeerThatClosesIsNoReset$"}},
		}},
	},
	{
		Name: "stall_timeout_never", Tiers: "D",
		Story: "a sink that takes nothing is waited for without end",
		Plants: []Plant{{
			Edits:    []Edit{{"splice/timeout.go", "limit > 0 && r.t[i].stalledFor() >= limit", "limit > 0 && r.t[i].stalledFor() < 0"}},
			Catchers: []Catcher{{tierD, "./splice", "^TestTimeoutsEndARelayWithAReset$/^stall$"}},
		}},
	},
	{
		Name: "idle_counts_one_direction", Tiers: "D",
		Story: "a download is cut because nothing is uploaded",
		Plants: []Plant{{
			Edits:    []Edit{{"splice/timeout.go", "max(r.t[0].last, r.t[1].last))", "min(r.t[0].last, r.t[1].last))"}},
			Catchers: []Catcher{{tierD, "./splice", "^TestTimeoutsEndARelayWithAReset$/^idle$"}},
		}},
	},
	{
		Name: "queue_is_no_progress", Tiers: "unit",
		Story: "a sink that slowly takes what handlers queued counts as stalled",
		Plants: []Plant{{
			Edits:    []Edit{{"splice/pump.go", "if t.dst.Buffered() < queued {", "if queued < 0 {"}},
			Catchers: []Catcher{{unit, "./splice", "^TestQueueOfTheSinkGoesFirst$"}},
		}},
	},
	{
		Name: "end_read_before_is_lost", Tiers: "D",
		Story: "whoever takes a connection over is not told of an end that a handler has read",
		Plants: []Plant{{
			Edits:    []Edit{{"loop/conn.go", "c.fd.Reread()\n", ""}},
			Catchers: []Catcher{{tierD, "./splice", "^TestEndThatWasReadBeforeTheRelayIsPassedOn$"}},
		}},
	},
	{
		Name: "relay_overtakes_the_queue", Tiers: "D",
		Story: "what the relay moves comes before what handlers queued",
		Plants: []Plant{{
			Edits:    []Edit{{"splice/pump.go", "empty, err := t.dst.Flush()", "empty, err := true, error(nil)"}},
			Catchers: []Catcher{{unit, "./splice", "^TestQueueOfTheSinkGoesFirst$"}},
		}},
	},
}
