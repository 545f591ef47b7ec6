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
}
