package museum

// pumpRows break writing: what was taken, and what is left.
var pumpRows = []Row{
	{
		Name: "pump_too_long", Tiers: "D",
		Story: "golang/go#10948, Linux 6.5 and later: asked for more than the pipe holds, the kernel held the last segment back for 200 ms",
		Plants: []Plant{{
			Edits: []Edit{{"splice/pump.go",
				"t.pipe.R, t.pipe.Bytes)",
				"t.pipe.R, t.pipe.Size)"}},
			Catchers: []Catcher{{tierD, "./splice", "^TestTinySegmentsAreNotHeldBack$/^mode1$"}},
		}},
	},
	{
		Name: "dirty_pipe_reuse", Tiers: "A, D",
		Story: "a pipe with bytes in it went back to the pool, and another connection was given them",
		Plants: []Plant{{
			Edits: []Edit{{"pool/pipes.go", "if pipe.Bytes != 0 {", "if pipe.Bytes < 0 {"}},
			Catchers: []Catcher{
				{unit, "./pool", "^TestDirtyPipeIsNeverLentAgain$"},
				{tierD, "./splice", "^TestBytesOfACutRelayReachNobody$"},
			},
		}},
	},
	{
		Name: "partial_writev", Tiers: "A, D",
		Story: "nbio: a short write was reported as complete, and the tail was never queued",
		Plants: []Plant{
			{
				Edits:    []Edit{{"loop/write.go", "p = p[n:]", "p = p[len(p):]"}},
				Catchers: []Catcher{{tierD, "./loop", "^TestBackPressureBoundsTheWriteQueue$"}},
			},
			{
				Edits:    []Edit{{"splice/pump.go", "t.buf.From += n", "t.buf.From = t.buf.To"}},
				Catchers: []Catcher{{tierD, "./splice", "^TestFullDuplexBulkArrivesWhole$/^mode2$/^tcp-tcp$"}},
			},
		},
	},
	{
		Name: "unsent_counted", Tiers: "A",
		Story: "HAProxy 140f1a585: bytes counted as delivered when they were in the pipe",
		Plants: []Plant{{
			Edits: []Edit{
				{"splice/drain.go", "t.pipe = pipe\n", "t.pipe = pipe\n\t\tt.stats.spliced += uint64(n)\n"},
				{"splice/pump.go", "t.stats.spliced += uint64(n)\n", ""},
			},
			Catchers: []Catcher{{tierD, "./splice", "^TestAccountIsWhatTheKernelMoved$/^mode1$"}},
		}},
	},
	{
		Name: "resume_from_drained", Tiers: "A, D",
		Story: "sing 0c037cb: a pump that was resumed began with what had been drained, not with what was left of it",
		Plants: []Plant{
			{
				Edits: []Edit{{"splice/pump.go",
					"t.pipe.Bytes -= n\n",
					"if n == t.pipe.Bytes {\n\t\t\t\tt.pipe.Bytes = 0\n\t\t\t}\n"}},
				Catchers: []Catcher{{tierD, "./splice", "^TestEndBehindAShutWindowComesAfterAllBytes$/^tcp-tcp$"}},
			},
			{
				Edits: []Edit{{"splice/pump.go",
					"t.buf.B[t.buf.From:t.buf.To]",
					"t.buf.B[:t.buf.To-t.buf.From]"}},
				Catchers: []Catcher{{tierD, "./splice", "^TestFullDuplexBulkArrivesWhole$/^mode2$/^tcp-tcp$"}},
			},
		},
	},
	{
		Name: "quota_ignores_pipe", Tiers: "A",
		Story: "HAProxy 4fc90efed: a limit in bytes forgot what was in the pipe already, and too much was forwarded",
		Plants: []Plant{{ // the one limit in bytes here is that of the write queue
			Edits: []Edit{{"loop/write.go",
				"c.out.n+len(p) > c.set.Limit",
				"len(p) > c.set.Limit"}},
			Catchers: []Catcher{{tierD, "./loop", "^TestWriteAboveTheLimitIsRefusedWhole$"}},
			Unseen:   "no handler of the simulation writes above the limit",
		}},
	},
}
