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
	{
		Name: "stall_of_one_direction", Tiers: "D",
		Story: "planted from outside: the stall of the second direction was never looked at",
		Plants: []Plant{
			{
				Edits: []Edit{{"splice/timeout.go",
					"if limit := r.o.stall(); limit > 0 && r.t[i].stalledFor() >= limit {",
					"if limit := r.o.stall(); i == 0 && limit > 0 && r.t[i].stalledFor() >= limit {"}},
				Catchers: []Catcher{{tierD, "./splice", "^TestEitherDirectionThatStallsEndsARelay$"}},
			},
			{
				Edits: []Edit{{"splice/timeout.go",
					"if limit := r.o.stall(); limit > 0 && r.t[i].stalledFor() >= limit {",
					"if limit := r.o.stall(); i == 1 && limit > 0 && r.t[i].stalledFor() >= limit {"}},
				Catchers: []Catcher{{tierD, "./splice", "^TestEitherDirectionThatStallsEndsARelay$"}},
			},
		},
	},
	{
		Name: "delivery_is_no_progress", Tiers: "D",
		Story: "planted from outside: bytes that a sink took did not count as progress, and a relay that moved was cut for being idle",
		Plants: []Plant{{
			Edits:    []Edit{{"splice/pump.go", "	t.flow(n)\n\tt.last = l.Now()\n", "	t.flow(n)\n"}},
			Catchers: []Catcher{{tierD, "./splice", "^TestDeliveredBytesAreProgress$"}},
		}},
	},
	{
		Name: "flow_wraps", Tiers: "unit",
		Story: "planted from outside: the count of what had flowed lost its cap, wrapped around after 2 GiB, and the flow lost its big pipe",
		Plants: []Plant{{
			Edits:    []Edit{{"splice/pump.go", "t.flowed = min(t.flowed+int32(min(n, proven)), proven)", "t.flowed += int32(min(n, proven))"}},
			Catchers: []Catcher{{unit, "./splice", "^TestFlowStaysProvenBeyondTwoGiB$"}},
		}},
	},
}
