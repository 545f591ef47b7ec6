package museum

// moreEndRows are slips in how connections, dials and servers end.
var moreEndRows = []Row{
	{
		Name: "end_overtakes_queue", Tiers: "D",
		Story: "CloseWrite sends the FIN although the write queue holds bytes",
		Plants: []Plant{{
			Edits:    []Edit{{"loop/write.go", "case c.out != nil:\n\t\tc.flags |= shutting", "case false:\n\t\tc.flags |= shutting"}},
			Catchers: []Catcher{{tierD, "./loop", "^TestEndFollowsTheWriteQueue$"}},
		}},
	},
	{
		Name: "last_error_wins", Tiers: "unit",
		Story: "the EPIPE of the next send hides the reset that was the cause",
		Plants: []Plant{{
			Edits:    []Edit{{"fd/fd.go", "if !d.unreadable() {\n\t\td.err", "if e != 0 {\n\t\td.err"}},
			Catchers: []Catcher{{unit, "./fd", "^TestSecondErrorDoesNotReplaceTheFirst$"}},
		}},
	},
	{
		Name: "linger_without_end", Tiers: "A, D",
		Story: "a closed connection waits for ever for a peer that does not end",
		Plants: []Plant{{
			Edits:    []Edit{{"loop/finish.go", "c.loop.Arm(&v.timer, c.set.linger/lingerLooks, (*lingering)(v))\n", ""}},
			Catchers: []Catcher{{tierD, "./loop", "^TestLingerBoundsAClose$"}},
		}},
	},
	{
		Name: "stranded_in_silence", Tiers: "D",
		Story: "what a cut connection's queue held is not counted",
		Plants: []Plant{{
			Edits:    []Edit{{"loop/finish.go", "l.count.BytesStranded += uint64(c.out.n)\n", ""}},
			Catchers: []Catcher{{tierD, "./loop", "^TestStrandedBytesOfACutConnectionAreCounted$"}},
		}},
	},
	{
		Name: "writable_not_called", Tiers: "D",
		Story: "a session that waits for its queue to come down is not told",
		Plants: []Plant{{
			Edits:    []Edit{{"loop/handler.go", "if !v.settle(v.s.Writable(c)) {", "if false {"}},
			Catchers: []Catcher{{tierD, "./loop", "^TestWritableIsCalledOnceAtTheLowMark$"}},
		}},
	},
	{
		Name: "dial_for_the_dead", Tiers: "D",
		Story: "a dial brings its connection to a callback whose own connection has ended",
		Plants: []Plant{{
			Edits:    []Edit{{"loop/race.go", "orphaned := t.orphaned()", "orphaned := false"}},
			Catchers: []Catcher{{tierD, "./loop", "^TestDialForAConnectionThatEndedBringsNone$"}},
		}},
	},
	{
		Name: "backlog_reset_at_drain", Tiers: "D",
		Story: "clients that wait in the backlog are reset when the server is told to end",
		Plants: []Plant{{
			Edits:    []Edit{{"loop/drain.go", "if a.take(); !a.paused {", "if !a.paused {"}},
			Catchers: []Catcher{{tierD, "./loop", "^TestBacklogIsServedWhenTheDrainBegins$"}},
		}},
	},
	{
		Name: "one_connection_too_many", Tiers: "D",
		Story: "MaxConns is off by one",
		Plants: []Plant{{
			Edits:    []Edit{{"loop/accept.go", "g.conns.Load() >= int64(limit)", "g.conns.Load() > int64(limit)"}},
			Catchers: []Catcher{{tierD, "./loop", "^TestNoConnectionAboveMaxConns$"}},
		}},
	},
	{
		Name: "freed_place_wakes_nobody", Tiers: "D",
		Story: "a paused listener is not told of the connection that made room",
		Plants: []Plant{{
			Edits:    []Edit{{"loop/spare.go", "a.resumeSoon()\n", "_ = a\n"}},
			Catchers: []Catcher{{tierD, "./loop", "^TestNoConnectionAboveMaxConns$"}},
		}},
	},
	{
		Name: "timers_are_unbounded", Tiers: "unit",
		Story: "all timers that are due run in one turn",
		Plants: []Plant{{
			Edits:    []Edit{{"loop/loop.go", "ran < timersPerTurn && spent", "spent"}},
			Catchers: []Catcher{{unit, "./loop", "^TestTimersOfATurnAreBounded$"}},
		}},
	},
	{
		Name: "stock_is_never_trimmed", Tiers: "unit",
		Story: "an idle loop keeps the pipes of its busiest moment",
		Plants: []Plant{{
			Edits:    []Edit{{"loop/lease.go", "if !l.trim.Armed() && !l.ending {", "if false {"}},
			Catchers: []Catcher{{unit, "./loop", "^TestPipeInStockIsComeBackFor$"}},
		}},
	},
	{
		Name: "bulk_for_life", Tiers: "D",
		Story: "a transfer that went over to splicing splices every message after it",
		Plants: []Plant{{
			Edits:    []Edit{{"splice/drain.go", "t.judge(m, n < smallDrain, toCopy)", "t.judge(m, false, toCopy)"}},
			Catchers: []Catcher{{tierD, "./splice", "^TestMessagesAfterBulkAreCopied$"}},
		}},
	},
}
