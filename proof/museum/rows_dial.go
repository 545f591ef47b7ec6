package museum

// dialRows are faults of addresses: of names, of dials, and of the paths that servers
// listen on.
var dialRows = []Row{
	{
		Name: "stale_path_race", Tiers: "D, unit",
		Story: "tauri-pilot#195, redis#15537: two servers started on one Unix path, one unlinked the other's socket, and one of them was deaf",
		Plants: []Plant{
			{
				Edits:    []Edit{{"fd/path.go", "name, deadline := path+lockSuffix, time.Now().Add(lockWait)\n", "return func() {}, nil\n\tname, deadline := path+lockSuffix, time.Now().Add(lockWait)\n"}},
				Catchers: []Catcher{{tierD, "./fd", "^TestOneOfManyServersGetsAUnixPath$"}},
			},
			{
				Edits:    []Edit{{"fd/path.go", "return err == nil && os.SameFile(ours, there)", "return err == nil || ours == there"}},
				Catchers: []Catcher{{unit, "./fd", "^TestLockThatWasRemovedIsNoLock$"}},
			},
		},
	},
	{
		Name: "inode_number_comes_again", Tiers: "unit",
		Story: "ours: a server that ended knew its Unix socket by the inode's number, which the successor's had been given",
		Plants: []Plant{{
			Edits:    []Edit{{"fd/path.go", "now.ModTime().Equal(file.ModTime())", "true"}},
			Catchers: []Catcher{{unit, "./fd", "^TestUnlinkKnowsASocketByItsTime$"}},
		}},
	},
	{
		Name: "connects_to_itself", Tiers: "D",
		Story: "tokio#3405, tarantool#204, golang/go#2690: a dial to a dead local port met itself, and a client read its own bytes as the backend's",
		Plants: []Plant{
			{
				Edits:    []Edit{{"fd/socket.go", "return e == 0 && local.AP == a.AP", "return e == 0 && local.AP == a.AP && false"}},
				Catchers: []Catcher{{tierD, "./loop", "^TestDialIsNotConnectedToItself$"}},
			},
			{
				Edits:    []Edit{{"loop/connect.go", "if a.selves++; a.selves > selfTries {", "if a.selves++; false {"}},
				Catchers: []Catcher{{tierD, "./loop", "^TestDialIsNotConnectedToItself$"}},
			},
		},
	},
	{
		Name: "one_lookup_each", Tiers: "D",
		Story: "node#8436, Velocity#1833: each of a burst of dials of one name had a look-up of its own, and those took all workers",
		Plants: []Plant{
			{
				Edits:    []Edit{{"loop/names.go", "if a == nil || a.addrs != nil {", "if true {"}},
				Catchers: []Catcher{{tierD, "./loop", "^TestDialsOfANameShareALookUp$"}},
			},
			{
				Edits:    []Edit{{"loop/names.go", "&& n.group.k.Now() < a.until", ""}},
				Catchers: []Catcher{{tierD, "./loop", "^TestDialsOfANameShareALookUp$"}},
			},
			{
				Edits:    []Edit{{"loop/names.go", "\t\ta.cancel()\n\t\tdelete(n.lookups, a.question)", ""}},
				Catchers: []Catcher{{tierD, "./loop", "^TestDialsWaitForALookUpWithinTheirOwnTime$"}},
			},
		},
	},
	{
		Name: "black_hole_of_a_family", Tiers: "D",
		Story: "what RFC 8305 is for: an IPv6 address that does not answer cost each connection its whole share of the time",
		Plants: []Plant{
			{
				Edits:    []Edit{{"loop/race.go", "t.l.Arm(&t.timer, fallbackDelay, t)\n\t}\n\tt.lanes[0].begin()", "}\n\tt.lanes[0].begin()"}},
				Catchers: []Catcher{{tierD, "./loop", "^TestFamiliesAreRaced$"}},
			},
			{
				Edits:    []Edit{{"loop/race.go", "if t.l.group.scarce(&t.lanes[0]) {", "if false {"}},
				Catchers: []Catcher{{tierD, "./loop", "^TestFamiliesAreNotRacedWhileDescriptorsAreShort$"}},
			},
			{
				Edits:    []Edit{{"loop/race.go", "\tt.lanes[1].stop()\n", ""}},
				Catchers: []Catcher{{tierD, "./loop", "^TestSlowerFamilyIsClosed$|^TestFamiliesAreRaced$"}},
			},
		},
	},
	{
		Name: "reset_during_a_dial", Tiers: "D",
		Story: "haproxy#403: a client that reset while its backend was dialled held two descriptors until the dial's timeout",
		Plants: []Plant{
			{
				Edits:    []Edit{{"loop/ready.go", "l.parentReady(r)", ""}},
				Catchers: []Catcher{{tierD, "./loop", "^TestClientThatResetsEndsItsDial$"}},
			},
			{
				Edits:    []Edit{{"loop/parent.go", "r.fd.Ready()&fd.Broken == 0", "r.fd.Ready()&fd.Ended == 0"}, {"loop/parent.go", "\tif e != 0 {\n", "\tif true {\n"}},
				Catchers: []Catcher{{tierD, "./loop", "^TestClientThatHalfClosesKeepsItsDial$"}},
			},
			{
				Edits:    []Edit{{"loop/register.go", "l.parentEnded(r)", ""}},
				Catchers: []Catcher{{tierD, "./loop", "^TestParentThatEndsEndsItsDial$"}},
			},
		},
	},
}
