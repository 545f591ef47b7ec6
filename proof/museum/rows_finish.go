package museum

// finishRows break the end: of a stream, of a connection, of a relay.
var finishRows = []Row{
	{
		Name: "rst_drops_data", Tiers: "A, D",
		Story: "Envoy #45267, HAProxy dfefebcd7: the reset was acted on before the data in front of it had been delivered",
		Plants: []Plant{{
			Edits: []Edit{
				{"splice/relay.go", "if out.ended() && d.Ready()&fd.Broken != 0 {", "if d.Ready()&fd.Broken != 0 {"},
				{"splice/relay.go", "into.strand()\n", "into.strand()\n\t\t\tout.strand()\n"},
			},
			Catchers: []Catcher{{tierD, "./splice", "^TestAllThatWasAcknowledgedArrivesInFrontOfAReset$/^mode[12]$"}},
		}},
	},
	{
		Name: "shutdown_overtakes_pipe", Tiers: "A, D",
		Story: "HAProxy #2505, #2749: the FIN was passed on with bytes still in the pipe; for a year downloads were cut short in production",
		Plants: []Plant{{
			Edits: []Edit{{"splice/relay.go",
				"if r.t[i].state == done {",
				"if r.t[i].state == done || r.t[i].src.FD().Ready()&fd.Ended != 0 {"}},
			Catchers: []Catcher{{tierD, "./splice", "^TestEndBehindAFullPipeComesAfterIt$"}},
		}},
	},
	{
		Name: "dst_error_leaks_pipe", Tiers: "A, C",
		Story: "HAProxy 760d26a86: after an error of the sink the pipe was not released",
		Plants: []Plant{{
			Edits: []Edit{{"splice/transfer.go",
				"count.InFlight -= n\n\tt.giveBack()",
				"count.InFlight -= n\n\tt.pipe, t.buf = nil, nil"}},
			Catchers: []Catcher{{tierD, "./splice", "^TestTimeoutsEndARelayWithAReset$/^stall$"}},
		}},
	},
	{
		Name: "rdhup_is_close", Tiers: "A, D",
		Story: "nbio, netty#3709, mio#933: RDHUP closed the connection with data unread; 16 % of 4 MiB arrived",
		Plants: []Plant{{
			Edits: []Edit{{"loop/register.go",
				"at.r.fd.Note(poller.Decode(ev.Mask()))",
				"if ev.Mask()&sys.EpollRdhup != 0 {\n\t\tat.r.task.Fail(ErrServerClosed)\n\t\treturn\n\t}\n\tat.r.fd.Note(poller.Decode(ev.Mask()))"}},
			Catchers: []Catcher{
				{tierD, "./loop", "^TestReplyAfterThePeersEndArrives$"},
				{tierD, "./splice", "^TestHalfCloseLeavesTheOtherDirectionAlive$/^tcp-tcp$"},
			},
		}},
	},
	{
		Name: "half_close_drops_reply", Tiers: "A, D",
		Story: "gnet: a reply that was written 100 ms after the peer's FIN was lost",
		Plants: []Plant{
			{
				Edits: []Edit{{"loop/handler.go",
					"case err == nil || errors.Is(err, ErrAgain):",
					"case (err == nil || errors.Is(err, ErrAgain)) && !v.c.fd.ReadEnded():"},
					{"loop/handler.go",
						"case errors.Is(err, io.EOF):\n\t\tv.c.Close()",
						"case err == nil || errors.Is(err, io.EOF):\n\t\tv.c.Close()"}},
				Catchers: []Catcher{{tierD, "./loop", "^TestReplyAfterThePeersEndArrives$"}},
			},
			{
				Edits: []Edit{{"splice/relay.go",
					"case !r.t[0].ended() || !r.t[1].ended():",
					"case !r.t[0].ended() && !r.t[1].ended():"}},
				Catchers: []Catcher{{tierD, "./splice", "^TestHalfCloseLeavesTheOtherDirectionAlive$/^tcp-tcp$"}},
			},
		},
	},
	{
		Name: "blocked_close", Tiers: "D",
		Story: "golang/go#25985: Close waited for the copy to end, and the copy for Close",
		Plants: []Plant{{
			Edits: []Edit{{"splice/finish.go",
				"r.err = err\n\t}\n\tr.finish(true)",
				"r.err = err\n\t}\n\tr.deliver()"}},
			Catchers: []Catcher{{tierD, "./splice", "^TestDrainDeadlineResetsAndReports$"}},
		}},
	},
}
