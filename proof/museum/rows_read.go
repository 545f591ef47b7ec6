package museum

// readRows are our own bugs that a reading of the code found, and no tier had: each has a
// test of its own since.
var readRows = []Row{
	{
		Name: "whole_upload_is_reset", Tiers: "unit",
		Story: "ours: a Unix client uploaded all and closed; the answer met EPIPE, which made a cut of the upload's end",
		Plants: []Plant{
			{
				Edits:    []Edit{{"fd/io.go", "if d.unreadable() {", "if d.err != 0 {"}},
				Catchers: []Catcher{{unit, "./splice", "^TestWholeUploadEndsThoughTheAnswerIsRefused$"}},
			},
			{
				Edits:    []Edit{{"splice/relay.go", "\t\tr.passEnds()\n\t\tr.deliver()", "\t\tr.deliver()"}},
				Catchers: []Catcher{{unit, "./splice", "^TestWholeUploadEndsThoughTheAnswerIsRefused$"}},
			},
		},
	},
	{
		Name: "unix_close_unread_looks_clean", Tiers: "unit",
		Story: "ours: a Unix peer closed without having read all, and the relay's result was an orderly end",
		Plants: []Plant{{
			Edits:    []Edit{{"fd/io.go", "_, e = k.Recv(d.Num(), one[:], sys.MsgPeek)\n\t} else {", "_ = one\n\t} else {"}},
			Catchers: []Catcher{{unit, "./splice", "^TestUnixPeerThatClosesUnreadIsACut$"}},
		}},
	},
	{
		Name: "posted_write_into_a_relay", Tiers: "unit",
		Story: "ours: a write by a Handle, under way when its connection came to be relayed, stood in the middle of the other side's stream",
		Plants: []Plant{{
			Edits:    []Edit{{"splice/relay.go", "\ta.Seal()\n\tb.Seal()\n", ""}},
			Catchers: []Catcher{{unit, "./splice", "^TestRelayedConnectionIsNobodyElses$"}},
		}},
	},
	{
		Name: "close_leaves_the_drain_alone", Tiers: "unit",
		Story: "ours: after Close in a drain Serve returned before the loops had ended: had main returned then, cut relays had looked complete",
		Plants: []Plant{
			{
				Edits:    []Edit{{"loop/drain.go", "\tcase err != nil:\n\t\treturn ErrServerClosed", "\tcase false:\n\t\treturn ErrServerClosed"}},
				Catchers: []Catcher{{unit, "./loop", "^TestCloseEndsADrain$"}},
			},
			{
				Edits:    []Edit{{"loop/group.go", "\t\t<-g.over\n\t\treturn errors", "\t\treturn errors"}},
				Catchers: []Catcher{{unit, "./loop", "^TestCloseEndsADrain$"}},
			},
		},
	},
	{
		Name: "drain_resets_the_backlog", Tiers: "unit",
		Story: "ours: a drain that began while descriptors were short reset whoever waited in the backlog",
		Plants: []Plant{{
			Edits:    []Edit{{"loop/drain.go", "if a.take(); !a.paused {", "if a.take(); true {"}},
			Catchers: []Catcher{{unit, "./loop", "^TestDrainTakesTheBacklogOnceThereAreDescriptors$"}},
		}},
	},
	{
		Name: "listener_that_nobody_accepts_on", Tiers: "unit",
		Story: "ours: Listen after Serve answered an address, on which nobody accepted, and which nobody closed",
		Plants: []Plant{{
			Edits:    []Edit{{"loop/listen.go", "\tif s.served {\n\t\treturn nil, errors", "\tif false {\n\t\treturn nil, errors"}},
			Catchers: []Catcher{{unit, "./loop", "^TestListenAfterServeIsRefused$"}},
		}},
	},
	{
		Name: "successors_socket_is_removed", Tiers: "unit",
		Story: "ours: a server that ended removed the Unix socket that its successor had made at the same path",
		Plants: []Plant{{
			Edits:    []Edit{{"fd/path.go", "err == nil && os.SameFile(now, file) && now.ModTime().Equal(file.ModTime()) {", "err == nil && now != nil {"}},
			Catchers: []Catcher{{unit, "./loop", "^TestEndingServerLeavesItsSuccessorsSocket$"}},
		}},
	},
	{
		Name: "silent_address_has_all_the_time", Tiers: "unit",
		Story: "ours: of a name with two addresses the first did not answer, and the second was never tried",
		Plants: []Plant{
			{
				Edits:    []Edit{{"loop/connect.go", "l.Arm(&a.timer, a.share(), a)", "l.Arm(&a.timer, a.t.left(), a)"}},
				Catchers: []Catcher{{unit, "./loop", "^TestDialGoesThroughItsAddresses$"}},
			},
			{
				Edits:    []Edit{{"loop/connect.go", " && (a.addr.Family == sys.Inet4 || a.t.source != nil) && len(a.rest) == 0 && !a.t.hasOther(a)", ""}},
				Catchers: []Catcher{{unit, "./loop", "^TestDialGoesThroughItsAddresses$"}},
			},
		},
	},
	{
		Name: "dial_fails_within_its_call", Tiers: "unit",
		Story: "ours: a dial failed within the call, and who dialled again at once did so until the stack was full",
		Plants: []Plant{{
			Edits:    []Edit{{"loop/race.go", "if t.calling {", "if false {"}},
			Catchers: []Catcher{{unit, "./loop", "^TestFailureIsToldAfterDialHasReturned$"}},
		}},
	},
	{
		Name: "panic_of_another_session", Tiers: "unit",
		Story: "ours: a panic in the Closed of one connection, or the Done of a relay, ended the one whose handler had closed it",
		Plants: []Plant{{
			Edits: []Edit{{"loop/later.go", "l.guard(nil, f)", "f()"}},
			Catchers: []Catcher{
				{unit, "./loop", "^TestPanicInClosedEndsNobodyElse$"},
				{unit, "./splice", "^TestPanicInDoneEndsNobodyElse$"},
			},
		}},
	},
}
