package museum

// foundRows are bugs of our own, most of which schedules on the simulated kernel found,
// and which they must go on finding. A choice of schedules means something else with
// every change of the simulation; a plant does not.
var foundRows = []Row{
	{
		Name: "failed_send_hangs_relay", Tiers: "A",
		Story: "ours: after a send for which there was no memory a relay waited for an end that its peer knew no reason to send",
		Plants: []Plant{{
			Edits: []Edit{{"fd/fd.go",
				"if would&Readable != 0 && d.unreadable() {",
				"if would&Readable != 0 && d.unreadable() && false {"}},
		}},
	},
	{
		Name: "unregistered_looks_ended", Tiers: "A",
		Story: "ours: a connection that epoll had no memory for was closed in order, and its client read a clean end",
		Plants: []Plant{{
			Edits: []Edit{{"loop/conn.go",
				"c.fd.Reset(l.k)\n\t\tc.fd.Close(l.k)",
				"c.fd.Close(l.k)"}},
		}},
	},
	{
		Name: "dial_eats_early_reset", Tiers: "A",
		Story: "ours: a backend sent its last words and reset before the dial was looked at; asking connect(2) took the error, and the words were lost",
		Plants: []Plant{{
			Edits: []Edit{{"fd/socket.go",
				"case n > 0:\n\t\treturn 0\n",
				"case n < 0:\n\t\treturn 0\n"}},
		}},
	},
	{
		Name: "dial_looks_at_mark", Tiers: "A",
		Story: "ours: the same, with an urgent byte in front: a look at the mark answers EAGAIN while a signal is pending, and the words were lost",
		Plants: []Plant{{
			Edits: []Edit{{"loop/connect.go", " || r&fd.Urgent != 0", ""}},
		}},
	},
	{
		Name: "long_turn_is_idle", Tiers: "A",
		Story: "ours: Loop.Now stands still in a turn; a byte that moved behind a pause in its turn was dated before it, and the relay was cut for idle",
		Plants: []Plant{{
			Edits: []Edit{{"loop/slow.go", "if turn.began == t {", "if turn.began == t && false {"}},
		}},
	},
	{
		Name: "interrupted_wait_is_a_look", Tiers: "A",
		Story: "ours: a signal ended a wait without events, a timer had run out within the last 10 ms, and what came during the pause was not looked for",
		Plants: []Plant{{
			Edits: []Edit{{"loop/loop.go", "if e == 0 && len(events) == 0 && l.timers.next(l.k.Now()) == 0 {", "if false {"}},
		}},
	},
	{
		Name: "late_dial_has_more_time", Tiers: "A",
		Story: "ours: the time of a dial was taken from Loop.Now, and a dial at the end of a long turn had that much more",
		Plants: []Plant{{
			Edits: []Edit{{"loop/race.go", "time.Duration(t.deadline-t.l.k.Now()), 0)", "time.Duration(t.deadline-t.l.now), 0)"}},
		}},
	},
	{
		Name: "queue_of_failed_socket", Tiers: "A",
		Story: "ours: an echo was queued to a socket that had failed, above the high mark, where nothing would ever end the wait",
		Plants: []Plant{{
			Edits: []Edit{
				{"loop/write.go", "case c.fd.Err() != 0:", "case c.fd.Err() != 0 && false:"},
				{"loop/conn.go", "case sink.fd.Err() != 0:", "case sink.fd.Err() != 0 && false:"},
				{"loop/handler.go", "if v.cut() {\n\t\treturn false // Data met", "if false {\n\t\treturn false // Data met"},
			},
		}},
	},
	{
		Name: "timer_write_hangs", Tiers: "A",
		Story: "ours: a Write from a timer met the socket's error, nothing brought the connection's task to look, and it hung",
		Plants: []Plant{{
			Edits: []Edit{{"loop/write.go",
				"c.loop.push(&c.Registration) // a timer's Write: no event will bring the task here\n",
				""}},
		}},
	},
	{
		Name: "visited_twice_in_a_turn", Tiers: "unit",
		Story: "ours: who became heavy among the light ones was visited again with the heavy; a listener accepted 128 at a time",
		Plants: []Plant{{
			Edits: []Edit{{"loop/ready.go", "visited < heavy && spent", "visited < max(heavy, l.heavy.length) && spent"}},
			Catchers: []Catcher{
				{unit, "./loop", "^TestTaskThatIsNeverDoneDoesNotKeepItsLoop$"},
				{unit, "./loop", "^TestAcceptsOfATurnAreBounded$"},
			},
		}},
	},
	{
		Name: "shutdown_of_a_reset_socket", Tiers: "unit",
		Story: "ours: shutdown(2) answered ENOTCONN, which was left to the reading side; that had ended, and the relay waited 5 minutes for bytes that a peer that is gone does not acknowledge",
		Plants: []Plant{
			{
				Edits:    []Edit{{"fd/close.go", "\tif e == sys.ENOTCONN {\n", "\tif e == sys.ENOTCONN {\n\t\td.shut |= writeEnd\n\t\treturn 0\n"}},
				Catchers: []Catcher{{unit, "./fd", "^TestEveryAnswerOfTheKernelIsHandled$"}},
			},
			{ // each shutdown is an event, even one that fails
				Edits:    []Edit{{"fd/close.go", "if d.shut&writeTry != 0 {", "if d.WriteEnded() {"}},
				Catchers: []Catcher{{unit, "./fd", "^TestEveryAnswerOfTheKernelIsHandled$"}},
			},
		},
	},
	{
		Name: "refused_wake_is_lost", Tiers: "unit",
		Story: "ours: nobody looked at what the write to the eventfd answered; had it failed, the loop slept with work posted",
		Plants: []Plant{{
			Edits:    []Edit{{"poller/poller.go", "if e == 0 {", "if e == 0 || e != 0 {"}},
			Catchers: []Catcher{{unit, "./poller", "^TestWakeThatIsRefusedIsMadeAgain$"}},
		}},
	},
	{
		Name: "short_user_timeout_is_none", Tiers: "unit",
		Story: "ours: a user timeout below a millisecond became 0, which stands for a quarter of an hour",
		Plants: []Plant{{
			Edits: []Edit{{"fd/options.go",
				"int((o.UserTimeout-1)/time.Millisecond) + 1",
				"int(o.UserTimeout/time.Millisecond)"}},
			Catchers: []Catcher{{unit, "./fd", "^FuzzOptions$"}},
		}},
	},
	{
		Name: "since_goes_on", Tiers: "unit",
		Story: "ours: of two slow turns in a row the time of what came in the first counted from the end of the second",
		Plants: []Plant{{
			Edits:    []Edit{{"loop/slow.go", "\t\t\tbreak // not on to the end of the next turn, which may have begun right then\n", ""}},
			Catchers: []Catcher{{unit, "./loop", "^TestTimeOfASlowTurnCountsFromItsEnd$"}},
		}},
	},
	{
		Name: "attempt_after_the_deadline", Tiers: "unit",
		Story: "ours: where the share of an address ended at the deadline of the dial, the next address was tried all the same",
		Plants: []Plant{{
			Edits:    []Edit{{"loop/connect.go", "a.rest = nil // no attempt begins after the deadline\n", ""}},
			Catchers: []Catcher{{unit, "./loop", "^TestPaceOfADialThatNobodyAnswers$"}},
		}},
	},
}
