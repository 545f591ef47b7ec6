package museum

// registerRows break the tie between a descriptor and its owner.
var registerRows = []Row{
	{
		Name: "stale_event", Tiers: "A",
		Story: "golang/go#59545, gnet#621: the event of a descriptor that was closed reached the next owner of its number",
		Plants: []Plant{{
			Edits: []Edit{{"loop/register.go",
				"if at.r == nil || at.generation != t.Generation() {",
				"if at.r == nil {"}},
			Catchers: []Catcher{{unit, "./loop", "^TestStaleEventsAreDroppedAndGraded$"}},
			Unseen:   "what is closed is forgotten by epoll first, so that no event comes late; the generation is the second lock on that door",
		}},
	},
	{
		Name: "close_before_forget", Tiers: "A",
		Story: "gnet#621, #371: close(2) came before the registration was gone, and the number had a new owner under it",
		Plants: []Plant{{
			Edits: []Edit{{"loop/register.go",
				"l.slab.vacate(r.slot, l.batch)\n\tl.poll.Forget(r.fd.Num())\n\tr.fd.Close(l.k)",
				"num := r.fd.Num()\n\tr.fd.Close(l.k)\n\tl.poll.Forget(num)\n\tl.slab.vacate(r.slot, l.batch)"}},
			Catchers: []Catcher{{tierD, "./loop", "^TestDescriptorIsForgottenBeforeItIsClosed$"}},
		}},
	},
}
