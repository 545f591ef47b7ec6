package museum

// moreRows are faults that nobody is known to have shipped, in the parts below the
// relay: what a slip of the hand would do here.
var moreRows = []Row{
	{
		Name: "visit_is_unbounded", Tiers: "unit",
		Story: "the budget of a visit is never spent",
		Plants: []Plant{{
			Edits:    []Edit{{"loop/ready.go", "l.left -= max(n, opBytes)", "_ = n"}},
			Catchers: []Catcher{{unit, "./loop", "^TestTaskThatIsNeverDoneDoesNotKeepItsLoop$"}},
		}},
	},
	{
		Name: "accepts_are_unbounded", Tiers: "unit",
		Story: "a full backlog is accepted in one turn",
		Plants: []Plant{{
			Edits:    []Edit{{"loop/accept.go", "if !l.Spend(acceptCost) {", "if false {"}},
			Catchers: []Catcher{{unit, "./loop", "^TestAcceptsOfATurnAreBounded$"}},
		}},
	},
	{
		Name: "reserve_never_lent", Tiers: "D",
		Story: "the reserve descriptor is kept from the dial that it is there for",
		Plants: []Plant{{
			Edits:    []Edit{{"loop/connect.go", "if outOfDescriptors(e) && !t.racing() && l.group.lendSpare() {", "if false {"}},
			Catchers: []Catcher{{tierD, "./loop", "^TestReserveDescriptorServesADial$"}},
		}},
	},
	{
		Name: "starved_dial_is_never_fed", Tiers: "D",
		Story: "a dial that waited for a descriptor is counted as waiting for ever, and accepting stays paused",
		Plants: []Plant{{
			Edits:    []Edit{{"loop/connect.go", "a.t.l.group.starving.Add(-1)", ""}},
			Catchers: []Catcher{{tierD, "./loop", "^TestAcceptingGoesOnAfterADialWaited$"}},
		}},
	},
	{
		Name: "pause_has_no_end", Tiers: "D",
		Story: "a listener that paused is not run again, and its backlog brings no edge",
		Plants: []Plant{{
			Edits:    []Edit{{"loop/accept.go", "a.loop.push(&a.Registration)", ""}},
			Catchers: []Catcher{{tierD, "./loop", "^TestOutOfDescriptorsPausesAcceptingOnly$"}},
		}},
	},
	{
		Name: "generation_stays", Tiers: "unit",
		Story: "a slot's next owner has the token of the last",
		Plants: []Plant{{
			Edits:    []Edit{{"loop/register.go", "at.generation++\n", ""}},
			Catchers: []Catcher{{unit, "./loop", "^TestStaleEventsAreDroppedAndGraded$"}},
		}},
	},
	{
		Name: "generation_wraps_to_same", Tiers: "unit",
		Story: "a token has room for 256 generations, and the first owner's event fits the 257th",
		Plants: []Plant{{
			Edits:    []Edit{{"fd/token.go", "Token(generation)<<32", "Token(uint8(generation))<<32"}},
			Catchers: []Catcher{{unit, "./fd", "^TestTokenKeepsSlotAndGeneration$"}},
		}},
	},
	{
		Name: "timer_heap_loses", Tiers: "unit",
		Story: "taking a timer out breaks the order of the heap",
		Plants: []Plant{{
			Edits:    []Edit{{"loop/timers.go", "h.down(int(moved.pos)-1, moved)", ""}},
			Catchers: []Catcher{{unit, "./loop", "^TestTimersExpireInOrderLikeANaiveList$"}},
		}},
	},
	{
		Name: "timers_count_from_the_turn", Tiers: "D",
		Story: "a timer armed late in a slow turn runs out early",
		Plants: []Plant{{
			Edits:    []Edit{{"loop/timers.go", "after(l.k.Now(), d), l.now+1), o", "after(l.now, d), l.now+1), o"}},
			Catchers: []Catcher{{tierD, "./loop", "^TestTimersCountFromWhenTheyAreArmed$"}},
		}},
	},
	{
		Name: "post_after_end_accepted", Tiers: "D",
		Story: "a task is taken by a loop that will not run it",
		Plants: []Plant{{
			Edits:    []Edit{{"loop/tasks.go", "t.closed = true", "t.closed = false"}},
			Catchers: []Catcher{{tierD, "./loop", "^TestPostedTasksAllRunOnce$"}},
		}},
	},
	{
		Name: "handle_runs_on_the_dead", Tiers: "D",
		Story: "a task that was posted for a connection runs after the connection's end",
		Plants: []Plant{{
			Edits: []Edit{{"loop/handle.go",
				"if h.c.closed.Load() {\n\t\t\treturn\n\t\t}",
				""}},
			Catchers: []Catcher{{tierD, "./loop", "^TestTaskForAConnectionThatEndedBeforeItsTurnIsNotRun$"}},
		}},
	},
	{
		Name: "back_pressure_missing", Tiers: "D",
		Story: "a peer that does not read is read on",
		Plants: []Plant{{
			Edits:    []Edit{{"loop/handler.go", "(paused|congested|closing)", "(paused|closing)"}},
			Catchers: []Catcher{{tierD, "./loop", "^TestDataIsNotCalledAboveTheHighMark$"}},
		}},
	},
	{
		Name: "close_does_not_linger", Tiers: "D",
		Story: "a close with data of the peer unread turns into a reset, which destroys the answer",
		Plants: []Plant{{
			Edits:    []Edit{{"loop/finish.go", "if c.out == nil && c.fd.ReadEnded() {", "if c.out == nil {"}},
			Catchers: []Catcher{{tierD, "./loop", "^TestCloseDeliversTheAnswerToAPeerThatStillSends$"}},
		}},
	},
	{
		Name: "forget_read_end", Tiers: "unit",
		Story: "the end of a stream is read, and not kept",
		Plants: []Plant{{
			Edits:    []Edit{{"fd/io.go", "d.shut |= readEnd\n", ""}},
			Catchers: []Catcher{{unit, "./fd", "^TestDrainDoesNotTakeAnUrgentMarkForTheEnd$"}},
		}},
	},
	{
		Name: "short_read_clears_at_ended", Tiers: "unit, D",
		Story: "a short read counts as dry although an end or an error stands behind the bytes",
		Plants: []Plant{{
			Edits: []Edit{{"fd/io.go", "d.ready&(Ended|Urgent) == 0", "d.ready&Urgent == 0"}},
			Catchers: []Catcher{
				{unit, "./fd", "^TestShortReadClearsReadableOnlyWhereItProvesSomething$"},
				{tierD, "./loop", "^TestEndThatComesWithTheDataIsSeen$"},
			},
		}},
	},
	{
		Name: "urgent_byte_is_left", Tiers: "unit",
		Story: "an urgent byte stays in the queue in front of the end, and turns close(2) into a reset",
		Plants: []Plant{{
			Edits: []Edit{{"fd/io.go",
				"if _, e := k.Recv(d.Num(), one[:], 0); e != 0 {\n\t\treturn d.failed(e, Readable)\n\t}\n\treturn d.end()",
				"return d.end()"}},
			Catchers: []Catcher{{unit, "./fd", "^TestEndBehindAnUrgentByteClosesInOrder$"}},
		}},
	},
}
