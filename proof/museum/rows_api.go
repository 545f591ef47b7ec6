package museum

// apiRows break what the interface promises to its handlers.
var apiRows = []Row{
	{
		Name: "closed_inside_data", Tiers: "unit",
		Story: "ours: Abort in Data called Closed before it returned; a hub with one mutex stood still for ever",
		Plants: []Plant{
			{
				Edits:    []Edit{{"loop/finish.go", "c.loop.Later(v.callClosed)", "c.loop.guard(nil, v.callClosed)"}},
				Catchers: []Catcher{{unit, "./loop", "^TestClosedComesAfterTheRunningCallback$"}},
			},
			{
				Edits:    []Edit{{"splice/finish.go", "l.Later(func()", "func(f func()) { f() }(func()"}},
				Catchers: []Catcher{{unit, "./splice", "^TestDoneComesAfterTheCallbackThatCutTheRelay$"}},
			},
			{
				Edits:    []Edit{{"loop/connect.go", "\tif connected {\n\t\tl.push(&c.Registration)", "\tif connected {\n\t\ta.succeed()"}},
				Catchers: []Catcher{{unit, "./loop", "^TestDialThatSucceedsAtOnceReturnsBeforeItsCallback$"}},
			},
		},
	},
	{
		Name: "session_never_told", Tiers: "unit",
		Story: "ours: a session that Open returned after Abort was never told of the end, and a gauge of live sessions leaked",
		Plants: []Plant{{
			Edits:    []Edit{{"loop/accept.go", "c.adopt(session)", "c.Serve(session)"}},
			Catchers: []Catcher{{unit, "./loop", "^TestEachSessionOfOpenIsClosedOnce$"}},
		}},
	},
	{
		Name: "post_feeds_itself", Tiers: "unit",
		Story: "ours: work that posts its next piece ran 256 pieces in one turn; with pieces of 2 ms a ping took 1.8 s",
		Plants: []Plant{
			{
				Edits: []Edit{
					{"loop/tasks.go", "posted := min(l.tasks.length.Load(), tasksPerTurn)", "posted := int64(tasksPerTurn)"},
					{"loop/tasks.go", "posted > 0 && spent", "posted > 0 && !l.tasks.none() && spent"},
				},
				Catchers: []Catcher{{unit, "./loop", "^TestPostedFunctionThatPostsTheNextRunsOnceATurn$"}},
			},
			{
				Edits:    []Edit{{"loop/timers.go", "max(after(l.k.Now(), d), l.now+1)", "after(l.k.Now(), d)"}},
				Catchers: []Catcher{{unit, "./loop", "^TestTimerThatIsArmedAnewRunsOnceATurn$"}},
			},
		},
	},
	{
		Name: "rest_of_a_read_forgotten", Tiers: "unit",
		Story: "ours: what a read from a posted function left in the kernel was not given to Data",
		Plants: []Plant{{
			Edits:    []Edit{{"loop/conn.go", "if l.visited != &c.Registration && ", "if false && "}},
			Catchers: []Catcher{{unit, "./loop", "^TestReadOutsideOfDataLeavesTheRestToData$"}},
		}},
	},
	{
		Name: "mark_met_exactly", Tiers: "unit",
		Story: "ours: a producer that stopped at exactly High was never called again",
		Plants: []Plant{{
			Edits:    []Edit{{"loop/write.go", ">= c.set.High", "> c.set.High"}},
			Catchers: []Catcher{{unit, "./loop", "^TestProducerIsCalledAgainWhereverItStopped$"}},
		}},
	},
	{
		Name: "goexit_ends_the_loop", Tiers: "unit",
		Story: "ours: t.FailNow in a handler ended the loop's goroutine, and all its connections hung",
		Plants: []Plant{{
			Edits:    []Edit{{"loop/group.go", "if l.exiting {", "if false {"}},
			Catchers: []Catcher{{unit, "./loop", "^TestGoexitEndsItsConnectionOnly$"}},
		}},
	},
	{
		Name: "queue_slides_whole", Tiers: "unit",
		Story: "ours: the write queue moved what was left of it at each write, 13 to 17 times the CPU for a MiB, and kept the memory of its peak",
		Plants: []Plant{
			{
				Edits: []Edit{{"loop/queue.go",
					"q.chunks = q.chunks[1:]\n\t\tl.freeChunk(b)\n\t}",
					"q.chunks = q.chunks[1:]\n\t\tl.freeChunk(b)\n\t} else {\n\t\tb.From, b.To = 0, copy(b.B, b.B[b.From:b.To])\n\t}"}},
				Catchers: []Catcher{{unit, "./loop", "^TestQueuedBytesAreNeverMoved$"}},
			},
			{
				Edits:    []Edit{{"loop/queue.go", "1<<bits.Len(uint(max(n, leastChunk)-1))", "pool.BufferSize-1+bits.Len(0)"}},
				Catchers: []Catcher{{unit, "./loop", "^TestShortQueueIsSmall$"}},
			},
		},
	},
	{
		Name: "writes_without_a_budget", Tiers: "unit",
		Story: "ours: what handlers wrote was sent as long as the socket took it, 19 to 34 MiB of one connection in one turn",
		Plants: []Plant{
			{
				Edits:    []Edit{{"loop/write.go", "int(math.MaxUint8-c.wrote) << 10", "int(math.MaxUint8-c.wrote)<<10 + 1<<30"}},
				Catchers: []Catcher{{unit, "./loop", "^TestWritesOfATurnAreBounded$"}},
			},
			{
				Edits:    []Edit{{"loop/write.go", "if l.left <= 0 {\n\t\t\tl.push", "if l.left <= -1<<40 {\n\t\t\tl.push"}},
				Catchers: []Catcher{{unit, "./loop", "^TestWritesOfATurnAreBounded$"}},
			},
			{
				Edits:    []Edit{{"loop/tasks.go", "posted > 0 && spent < turnBytes", "posted > 0 && spent >= 0"}},
				Catchers: []Catcher{{unit, "./loop", "^TestWritesOfPostedFunctionsAreBounded$"}},
			},
		},
	},
	{
		Name: "linger_is_absolute", Tiers: "A, D",
		Story: "ours: Close cut a peer that read on, as Linger counted from Close; by default 16 MiB at 4 Mbit/s could not be delivered",
		Plants: []Plant{{
			Edits:    []Edit{{"loop/finish.go", "v.quiet++; left != v.left {", "v.quiet++; left != v.left && false {"}},
			Catchers: []Catcher{{tierD, "./loop", "^TestCloseWaitsForAPeerThatReadsOn$"}},
		}},
	},
	{
		Name: "peer_forgotten", Tiers: "unit",
		Story: "ours: the peer's address was asked of the kernel, which forgets it with a reset: nil in Open after each port scan, and always in Closed",
		Plants: []Plant{
			{
				Edits:    []Edit{{"loop/conn.go", "c.keepPeer(l, peer)", "_ = c.keepPeer"}},
				Catchers: []Catcher{{unit, "./loop", "^TestPeersAddressOutlivesAReset$"}},
			},
			{
				Edits:    []Edit{{"loop/finish.go", "l.Later(func() { l.Later(c.forgetPeer) })", "l.Later(c.forgetPeer)"}},
				Catchers: []Catcher{{unit, "./loop", "^TestPeersAddressOutlivesAReset$"}},
			},
		},
	},
	{
		Name: "watchdog_stops_the_world", Tiers: "unit",
		Story: "ours: the watchdog took the stacks of all goroutines, a second of standstill with 100,000 of them, and did not find its loop among 20,000",
		Plants: []Plant{{
			Edits:    []Edit{{"loop/watchdog.go", "if runtime.NumGoroutine() < fewGoroutines {", "if runtime.NumGoroutine() < 1<<30 {"}},
			Catchers: []Catcher{{unit, "./loop", "^TestWatchdogNamesTheSessionAmongManyGoroutines$"}},
		}},
	},
}
