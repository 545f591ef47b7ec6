package museum

// worldRows are faults that only a world with Unix sockets, names of several addresses, or
// a Close under a clock can show: small worlds of the simulation.
var worldRows = []Row{
	{
		Name: "linger_counts_from_close", Tiers: "A",
		Story: "ours: what a peer took before the first look was no progress, and it was reset a quarter of Linger too early",
		Plants: []Plant{{
			Edits: []Edit{{"loop/finish.go", "v.left, v.quiet = unknownLeft, 0", "v.left, v.quiet = unknownLeft - unknownLeft, 0"}},
		}},
	},
	{
		Name: "unix_pipe_error_ends_reading", Tiers: "A",
		Story: "EPIPE of a Unix socket, which says only that its peer does not read, hid the end that the peer had sent",
		Plants: []Plant{{
			Edits: []Edit{{"fd/fd.go", "return d.err != 0 && !(d.kind == sys.Unix && sys.Errno(d.err) == sys.EPIPE)", "return d.err != 0"}},
		}},
	},
	{
		Name: "full_unix_backlog_fails", Tiers: "A",
		Story: "connect to a Unix listener whose backlog was full said EAGAIN, and the dial failed",
		Plants: []Plant{{
			Edits: []Edit{{"loop/connect.go", "return a.addr.Family == sys.Unix\n", "return a.addr.Family == sys.Unix && false\n"}},
		}},
	},
	{
		Name: "black_hole_holds_the_other_family", Tiers: "A",
		Story: "an IPv6 route that swallows everything held a dial that IPv4 would have served",
		Plants: []Plant{{
			Edits: []Edit{{"loop/race.go", "t.l.Arm(&t.timer, fallbackDelay, t)\n	}\n	t.lanes[0]", "t.l.Arm(&t.timer, 10*fallbackDelay, t)\n	}\n	t.lanes[0]"}},
		}},
	},
	{
		Name: "second_family_at_once", Tiers: "A",
		Story: "both families were tried at once, and each dial cost its servers two connections",
		Plants: []Plant{{
			Edits: []Edit{{"loop/race.go", "t.l.Arm(&t.timer, fallbackDelay, t)\n	}\n	t.lanes[0]", "t.l.Arm(&t.timer, fallbackDelay/100, t)\n	}\n	t.lanes[0]"}},
		}},
	},
	{
		Name: "loser_of_a_race_looks_ended", Tiers: "A",
		Story: "the connection that lost the race was closed in order, and its server read a request that was empty",
		Plants: []Plant{{
			Edits: []Edit{{"loop/connect.go", "		c.fd.Reset(a.t.l.k)\n", ""}},
		}},
	},
	{
		Name: "error_of_the_last_address", Tiers: "A",
		Story: "a dial that reached nothing told of the last address, not of the one that the resolver prefers",
		Plants: []Plant{{
			Edits: []Edit{{"loop/race.go", "t.end(t.lanes[0].first)", "t.end(cmp.Or(t.lanes[1].first, t.lanes[0].first))"}, {"loop/race.go", "import (\n", "import (\n	\"cmp\"\n"}},
		}},
	},
}
