package museum

// strangerRows are bugs that were planted by somebody who had not written the tests, and that
// passed all of them at the time.
var strangerRows = []Row{
	{
		Name: "reread_forgets_error", Tiers: "unit",
		Story: "planted from outside: a connection that had failed, and whose end nobody had read, was handed over, and its new owner heard nothing",
		Plants: []Plant{{
			Edits:    []Edit{{"fd/fd.go", "if d.ReadEnded() || d.err != 0 {", "if d.ReadEnded() {"}},
			Catchers: []Catcher{{unit, "./fd", "^TestRereadTellsAnErrorAsWellAsAnEnd$"}},
		}},
	},
	{
		Name: "wake_outside_lock", Tiers: "D",
		Story: "planted from outside: the wake-up of a post was written after the lock, when the loop could have ended and the number of its eventfd be another's",
		Plants: []Plant{{
			Edits: []Edit{
				{"loop/tasks.go", "\tdefer t.mu.Unlock()\n\tif t.closed {\n", "\tif t.closed {\n\t\tt.mu.Unlock()\n"},
				{"loop/tasks.go", "\tt.length.Add(1)\n", "\tt.length.Add(1)\n\tt.mu.Unlock()\n"},
			},
			Catchers: []Catcher{{tierD, "./loop", "^TestLoopDoesNotEndBetweenAPostAndItsWakeUp$"}},
		}},
	},
	{
		Name: "refused_pipe_stays_counted", Tiers: "unit",
		Story: "planted from outside: each big pipe that was refused took away from the share of the big ones, until none was lent any more",
		Plants: []Plant{{
			Edits:    []Edit{{"pool/governor.go", "\t\tg.usedBig.Add(-BigSlots)\n\t\treturn false", "\t\treturn false"}},
			Catchers: []Catcher{{unit, "./pool", "^TestBigPipesComeBackIntoTheBudget$"}},
		}},
	},
	{
		Name: "failed_pipe_gives_back_small", Tiers: "unit",
		Story: "planted from outside: a big pipe that could not be made gave back a small one, and the budget shrank",
		Plants: []Plant{{
			Edits:    []Edit{{"pool/pipes.go", "shortage\n\t\tp.gov.giveBack(big)", "shortage\n\t\tp.gov.giveBack(false)"}},
			Catchers: []Catcher{{unit, "./pool", "^TestPipeThatFailsIsNotCounted$"}},
		}},
	},
}
