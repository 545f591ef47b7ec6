package museum

// readyRows break the turn of the loop: waking, waiting, and whose turn it is.
var readyRows = []Row{
	{
		Name: "lost_wakeup", Tiers: "A",
		Story: "netty#9612 and others: what was posted between the last look and the sleep waited for the next event",
		Plants: []Plant{{
			Edits: []Edit{{"poller/poller.go",
				"p.asleep.Store(1)\n\tif !idle() {\n\t\tp.asleep.Store(0)\n\t\treturn nil, 0\n\t}",
				"if !idle() {\n\t\treturn nil, 0\n\t}\n\tp.asleep.Store(1)"}},
			Catchers: []Catcher{{unit, "./poller", "^TestPostBetweenTheLastLookAndTheSleepEndsIt$"}},
			Unseen:   "no call of the kernel stands between the last look and the sleep, where another could act",
		}},
	},
	{
		Name: "task_queue_starves_poll", Tiers: "A, D",
		Story: "gnet: continuations fed themselves, epoll was not polled again, and one ping took 1.3 s",
		Plants: []Plant{
			{
				Edits:    []Edit{{"loop/tasks.go", "posted > 0 && spent", "!l.tasks.none() && spent"}},
				Catchers: []Catcher{{unit, "./loop", "^TestTasksThatPostThemselvesDoNotKeepTheirLoop$"}},
			},
			{
				Edits:    []Edit{{"loop/ready.go", "for range l.light.length {", "for l.light.length > 0 {"}},
				Catchers: []Catcher{{unit, "./loop", "^TestTaskThatWakesItselfDoesNotKeepItsLoop$"}},
				Unseen:   "no task of the library wakes itself",
			},
		},
	},
	{
		Name: "timer_rounds_to_zero", Tiers: "A, unit",
		Story: "mio, libuv: a timeout of less than a millisecond became 0, and the wait a spin",
		Plants: []Plant{{
			Edits: []Edit{{"internal/sys/epoll_linux.go",
				"(ns+int64(time.Millisecond)-1)/int64(time.Millisecond)",
				"ns/int64(time.Millisecond)"}},
			Catchers: []Catcher{{unit, "./internal/sys", "^TestTimeoutsAreNeverRoundedDownToZero$"}},
		}, {
			Edits: []Edit{{"loop/timers.go",
				"max(h[0].when-now, 0)",
				"max(h[0].when-now, 0) / 1e6 * 1e6"}},
			Catchers: []Catcher{{unit, "./loop", "^TestTimersExpireInOrderLikeANaiveList$"}},
		}},
	},
	{
		Name: "panic_kills_loop", Tiers: "D",
		Story: "several: the panic of one handler took every connection of its loop along",
		Plants: []Plant{{
			Edits: []Edit{{"loop/ready.go",
				"defer l.contain(r, &returned)\n\tl.visited,",
				"_ = &returned\n\tl.visited,"}},
			Catchers: []Catcher{{tierD, "./loop", "^TestPanicEndsItsConnectionOnly$"}},
		}},
	},
	{
		Name: "both_directions_full", Tiers: "A",
		Story: "HAProxy 95fad5ba4: a send that failed armed the read again, and two descriptors woke each other for ever",
		Plants: []Plant{
			{
				Edits: []Edit{{"splice/relay.go",
					"return t.state == waiting && t.src.FD().Ready()&fd.Readable != 0",
					"return t.src.FD().Ready()&fd.Readable != 0"}},
				Catchers: []Catcher{{tierD, "./splice", "^TestRelayWithBothDirectionsFullSleeps$"}},
			},
			{
				Edits: []Edit{{"loop/conn.go",
					"sink.out.await(&c.Registration)",
					"c.loop.push(&c.Registration)"}},
				Catchers: []Catcher{{tierD, "./loop", "^TestCopyToAnotherConnectionNeitherSpinsNorStops$"}},
				Unseen:   "no connection of the simulation copies to another by itself",
			},
		},
	},
}
