package museum

// outsideRows are bugs that users of other relays and event loops reported, which had no
// plant, and which ours had as well.
var outsideRows = []Row{
	{
		Name: "slow_reader_is_idle", Tiers: "D",
		Story: "Cloudflare (nginx), bun#41602, envoy#34035, lori#300: progress was taken from EPOLLOUT, and a steady slow reader was cut",
		Plants: []Plant{
			{
				Edits:    []Edit{{"splice/timeout.go", "\tt.last = t.src.Loop().Now()\n}", "}"}},
				Catchers: []Catcher{{tierD, "./splice", "^TestSlowSteadyReaderIsNotCut$"}},
			},
			{
				Edits:    []Edit{{"splice/timeout.go", "\tr.t[0].look()\n", ""}},
				Catchers: []Catcher{{tierD, "./splice", "^TestSlowSteadyReaderIsNotCut$"}},
			},
			{
				Edits:    []Edit{{"splice/timeout.go", "\tr.t[1].look()\n", ""}},
				Catchers: []Catcher{{tierD, "./splice", "^TestSlowSteadyReaderIsNotCut$"}},
			},
			{
				Edits:    []Edit{{"splice/relay.go", "\t\tr.lookSoon()\n", ""}},
				Catchers: []Catcher{{tierD, "./splice", "^TestEveryTimeoutEndsARelayWhosePeerDoesNotRead$"}},
			},
		},
	},
	{
		Name: "a_reset_waits_for_ever", Tiers: "D",
		Story: "ours: in front of a reset only the stall timeout was looked at: with -idle 3s relays stood for five minutes",
		Plants: []Plant{{
			Edits:    []Edit{{"splice/timeout.go", "idle > 0 && r.quiet() >= idle {", "idle < 0 {"}},
			Catchers: []Catcher{{tierD, "./splice", "^TestEveryTimeoutEndsARelayWhosePeerDoesNotRead$"}},
		}, {
			Edits:    []Edit{{"splice/timeout.go", "limit := shorter(r.o.halfClose(), r.o.stall())", "limit := r.o.stall()"}},
			Catchers: []Catcher{{tierD, "./splice", "^TestEveryTimeoutEndsARelayWhosePeerDoesNotRead$"}},
		}},
	},
	{
		Name: "half_closed_for_ever", Tiers: "D, unit",
		Story: "a CONNECT proxy that stood at 300,000 descriptors: tunnels of which one side had ended, and the other said nothing",
		Plants: []Plant{
			{
				Edits:    []Edit{{"splice/timeout.go", "r.halfClosed() && r.quietHalf() >= limit", "false"}},
				Catchers: []Catcher{{tierD, "./splice", "^TestHalfCloseTimeoutEndsASilentHalf$"}},
			},
			{
				Edits:    []Edit{{"splice/timeout.go", "r.halfClosed() && r.quietHalf() >= limit", "r.quiet() >= limit"}},
				Catchers: []Catcher{{unit, "./splice", "^TestTimeoutsAtTheirBounds$"}},
			},
		},
	},
	{
		Name: "timer_before_readiness", Tiers: "D, unit",
		Story: "trio#1087, node#38108: after a pause a timeout ended a connection whose bytes were there",
		Plants: []Plant{
			{
				Edits: []Edit{{"loop/loop.go",
					"\tvisited := l.runReady()\n\tif l.caughtUp(len(events), visited) {\n\t\tl.runTimers()\n\t}\n",
					"\tl.runTimers()\n\tl.runReady()\n"}},
				Catchers: []Catcher{{tierD, "./splice", "^TestDialThatWasAnsweredDuringAPauseSucceeds$"}},
			},
			{
				Edits:    []Edit{{"loop/late.go", "case !c.is && !l.timers.overdue(l.now, lateAfter):", "case true:"}},
				Catchers: []Catcher{{unit, "./loop", "^TestLateLoopCatchesUpBeforeItsTimersRun$"}},
			},
			{
				Edits:    []Edit{{"loop/late.go", "polls: int(l.slab.used)/batch + 1", "polls: 1"}},
				Catchers: []Catcher{{unit, "./loop", "^TestLateLoopCatchesUpBeforeItsTimersRun$"}},
			},
		},
	},
	{
		Name: "log_blocks_loop", Tiers: "D",
		Story: "clice#514, vm0#34335: a full pipe of stderr that nobody reads froze the event loop",
		Plants: []Plant{
			{
				Edits:    []Edit{{"loop/group.go", "log: slog.New(recorder)", "log: config.Logger"}},
				Catchers: []Catcher{{tierD, "./loop", "^TestLogThatBlocksHoldsNoLoop$"}},
			},
			{
				Edits:    []Edit{{"loop/log.go", "\tdefault:\n\t\tr.lost", "\tcase <-r.ended:\n\t\tr.lost"}},
				Catchers: []Catcher{{tierD, "./loop", "^TestLogThatBlocksHoldsNoLoop$"}},
			},
			{
				Edits:    []Edit{{"loop/log.go", "\tcase <-time.After(flushFor):\n", ""}},
				Catchers: []Catcher{{tierD, "./loop", "^TestLogThatBlocksHoldsNoLoop$"}},
			},
		},
	},
	{
		Name: "splice_refused_is_socket_error", Tiers: "D, unit",
		Story: "moby#42871, librefang#6221: ENOSYS or EPERM of splice was kept as the socket's error, and every bulk connection was cut",
		Plants: []Plant{
			{
				Edits: []Edit{{"fd/io.go", "if !refusal(e) {", "if e != sys.EINVAL {"}},
				Catchers: []Catcher{{unit, "./fd", "^TestRefusedSpliceIsNoErrorOfTheSocket$"},
					{tierD, "./splice", "^TestRefusedCallsCostNoConnection$"}},
			},
			{
				Edits:    []Edit{{"fd/io.go", "if e == sys.EINVAL || e == sys.ENOSYS || d.kind == sys.Unix {", "if true {"}},
				Catchers: []Catcher{{unit, "./fd", "^TestErrorThatLooksLikeARefusalIsNotTakenForTheEnd$"}},
			},
			{
				Edits:    []Edit{{"fd/io.go", "\tcase met != 0:\n\t\treturn met\n", "\tcase met != 0:\n\t\treturn 0\n"}},
				Catchers: []Catcher{{unit, "./fd", "^TestRefusedSpliceLosesNoReset$"}},
			},
			{
				Edits:    []Edit{{"pool/governor.go", "return g.refusals.Load() >= refusalsLast", "return false"}},
				Catchers: []Catcher{{tierD, "./splice", "^TestRefusedCallsCostNoConnection$"}},
			},
			{
				Edits:    []Edit{{"pool/governor.go", "\t\tg.refusals.Store(0)\n", ""}, {"pool/governor.go", "const refusalsLast = 16", "const refusalsLast = 10"}},
				Catchers: []Catcher{{tierD, "./splice", "^TestRefusedCallsCostNoConnection$"}},
			},
		},
	},
	{
		Name: "our_option_stops_the_start", Tiers: "unit",
		Story: "WSL#843: a kernel without a keep-alive option, which nobody had asked for, kept servers from starting",
		Plants: []Plant{
			{
				Edits:    []Edit{{"fd/options.go", "if e != 0 && opt.vital {", "if e != 0 {"}},
				Catchers: []Catcher{{unit, "./fd", "^TestOptionIsVitalOnlyIfItWasAskedFor$"}},
			},
			{
				Edits:    []Edit{{"fd/options.go", "if e != 0 && opt.vital {", "if false {"}},
				Catchers: []Catcher{{unit, "./fd", "^TestOptionIsVitalOnlyIfItWasAskedFor$"}},
			},
		},
	},
	{
		Name: "accept_error_spins", Tiers: "D",
		Story: "mio#1466, ferrotunnel#130: an error of accept that lasts, and that no list names, took 100 % CPU in silence",
		Plants: []Plant{{
			Edits:    []Edit{{"loop/accept.go", "if a.failures++; a.failures >= acceptTries {", "if false {"}},
			Catchers: []Catcher{{tierD, "./loop", "^TestAcceptThatFailsForGoodNeitherSpinsNorIsSilent$"}},
		}, {
			Edits:    []Edit{{"loop/accept.go", "if a.failures++; a.failures >= acceptTries {", "if true {"}},
			Catchers: []Catcher{{tierD, "./loop", "^TestConnectionsThatDieInTheBacklogPauseNothing$"}},
		}},
	},
	{
		Name: "source_of_a_dead_sink_waits", Tiers: "unit",
		Story: "ours: a source that copied to a parked connection was never told that it had failed, and waited for ever",
		Plants: []Plant{{
			Edits:    []Edit{{"loop/write.go", "c.out.wake(l, true)\n", "\n"}},
			Catchers: []Catcher{{unit, "./loop", "^TestFailedFlushWakesWhoWaitsForRoom$"}},
		}},
	},
	{
		Name: "bytes_behind_a_hole", Tiers: "D",
		Story: "ours: a relay that began behind a write that had failed sent what came after it",
		Plants: []Plant{{
			Edits:    []Edit{{"splice/pump.go", "case d.Err() != 0:", "case false:"}},
			Catchers: []Catcher{{tierD, "./splice", "^TestRelayBehindAFailedWriteSendsNothing$"}},
		}},
	},
}
