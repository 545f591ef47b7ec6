package museum

// acceptRows break the taking of connections.
var acceptRows = []Row{
	{
		Name: "emfile_kills", Tiers: "A, D",
		Story: "gnet#171, evio: out of descriptors, accept answered an error and the whole engine ended",
		Plants: []Plant{{
			Edits: []Edit{{"loop/accept.go",
				`a.pause(why, e)`,
				`a.Fail(e)`}},
			Catchers: []Catcher{{tierD, "./loop", "^TestOutOfDescriptorsPausesAcceptingOnly$"}},
		}},
	},
	{
		Name: "emfile_spins", Tiers: "A, D",
		Story: "many servers: the backlog stays readable while accept fails, and the loop turns without end",
		Plants: []Plant{{
			Edits: []Edit{{"loop/accept.go",
				"a.pause(why, e)\n\t\t\t\t}\n\t\t\t\treturn false",
				"}\n\t\t\t\treturn true"}},
			Catchers: []Catcher{{tierD, "./loop", "^TestOutOfDescriptorsPausesAcceptingOnly$"}},
		}},
	},
}
