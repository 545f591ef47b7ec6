package museum

// drainRows break reading: what an answer of the source means.
var drainRows = []Row{
	{
		Name: "eagain_means_dry", Tiers: "A, D",
		Story: "sozu#1323: EAGAIN with a full pipe cleared \"readable\"; the edge was lost, and the transfer hung",
		Plants: []Plant{{ // here a pipe is drained into once; so a second time, until EAGAIN
			Edits: []Edit{{"splice/drain.go",
				"pipe.Bytes = n\n",
				"for more := n; more > 0; n += more {\n\t\t\tmore, _, _ = t.src.FD().Drain(l.Kernel(), pipe.W, pipe.Size)\n\t\t}\n\t\tpipe.Bytes = n\n"}},
			Catchers: []Catcher{{tierD, "./splice", "^TestSegmentsAndPipesOfAllSizes$/^pipe64K$/^segment512$"}},
		}},
	},
	{
		Name: "eagain_means_retry", Tiers: "A",
		Story: "h2o#3075, golang/go#75304: the same EAGAIN was tried again at once, at the cost of a whole CPU",
		Plants: []Plant{
			{
				Edits: []Edit{{"splice/drain.go",
					"return t.src.FD().Ready()&fd.Urgent == 0 // dry",
					"t.src.FD().Note(fd.Readable)\n\t\treturn t.src.FD().Ready()&fd.Urgent == 0 // dry"}},
				Catchers: []Catcher{{tierD, "./splice", "^TestTinySegmentsAreNotHeldBack$/^mode1$"}},
			},
			{
				Edits: []Edit{{"splice/pump.go",
					"case e == sys.EAGAIN:\n\t\t\tt.state = blocked\n",
					"case e == sys.EAGAIN:\n"}},
				Catchers: []Catcher{{tierD, "./splice", "^TestTimeoutsEndARelayWithAReset$/^stall$"}},
			},
		},
	},
	{
		Name: "rst_as_fin", Tiers: "A, D",
		Story: "Envoy before #44148, ztunnel#1483: the pump met the error that is told once, the drain then read 0, and a cut transfer looked complete",
		Plants: []Plant{{
			Edits: []Edit{{"fd/io.go",
				"if d.unreadable() {\n\t\treturn sys.Errno(d.err)\n\t}\n\td.shut",
				"d.shut"}},
			Catchers: []Catcher{
				{unit, "./fd", "^TestFirstErrorIsKept$"},
				{tierD, "./loop", "^TestResetThatAWriteMetIsNoEnd$"},
			},
		}},
	},
	{
		Name: "so_error_first", Tiers: "A, D",
		Story: "HAProxy and its kin: getsockopt(SO_ERROR) ate the reset, and the read after it found an orderly end",
		Plants: []Plant{{ // asked at the event, and again in place of the probe, which would still find out
			Edits: []Edit{
				{"loop/register.go",
					"at.r.fd.Note(poller.Decode(ev.Mask()))",
					"if ev.Mask()&sys.EpollErr != 0 {\n\t\tl.k.Option(at.r.fd.Num(), sys.SolSocket, sys.SoError)\n\t}\n\tat.r.fd.Note(poller.Decode(ev.Mask()))"},
				{"fd/io.go",
					"_, e = k.Send(d.Num(), nil, 0)",
					"var told int\n\t\tif told, e = k.Option(d.Num(), sys.SolSocket, sys.SoError); e == 0 {\n\t\t\te = sys.Errno(told)\n\t\t}"},
			},
			Catchers: []Catcher{{tierD, "./splice", "^TestResetIsPassedOnAfterTheData$/^mode[01]$/./^(idle|data_in_flight)$"}},
		}},
	},
	{
		Name: "urgent_eof", Tiers: "D",
		Story: "Go's io.Copy, realm, tokio-splice: 0 at an urgent mark was taken for the end of the stream",
		Plants: []Plant{{
			Edits: []Edit{{"fd/io.go",
				"return 0, false, d.confirmEnd(k)\n",
				"return 0, false, d.end()\n"}},
			Catchers: []Catcher{{unit, "./fd", "^TestDrainDoesNotTakeAnUrgentMarkForTheEnd$"}},
		}, { // with the mark announced by EPOLLPRI, splice is seldom asked at all
			Edits: []Edit{
				{"fd/io.go", "return 0, false, d.confirmEnd(k)\n", "return 0, false, d.end()\n"},
				{"poller/poller.go", "sys.EpollOut | sys.EpollPri |", "sys.EpollOut |"},
			},
			Catchers: []Catcher{{tierD, "./splice", "^TestUrgentByteDoesNotStopTheStream$/^mode1$"}},
		}},
	},
	{
		Name: "data_and_fin_in_one", Tiers: "A, D",
		Story: "HAProxy a131a8fe9: the end of the stream was lost when it came in one event with the last data",
		Plants: []Plant{{
			Edits: []Edit{{"poller/decode.go",
				"sys.EpollRdhup != 0 {\n\t\tr |= fd.Readable | fd.Ended",
				"sys.EpollRdhup != 0 {\n\t\tr |= fd.Readable"}},
			Catchers: []Catcher{
				{unit, "./poller", "^TestDecodeIsTheTable$"},
				{tierD, "./loop", "^TestEndThatComesWithTheDataIsSeen$"},
			},
		}},
	},
	{
		Name: "sticky_no_splice", Tiers: "A",
		Story: "HAProxy: a moment without pipes turned splicing off for the life of the connection",
		Plants: []Plant{{
			Edits:    []Edit{{"splice/drain.go", "t.denied--\n", ""}},
			Catchers: []Catcher{{tierD, "./splice", "^TestShortageOfPipesIsNotForEver$"}},
			Unseen:   "every byte still arrives, at a higher price",
		}},
	},
	{
		Name: "len_max", Tiers: "unit",
		Story: "HAProxy a9de333aa, realm#157: a length of -1 answered EINVAL, and all was copied without a word",
		Plants: []Plant{{
			Edits:    []Edit{{"splice/drain.go", "pipe.W, pipe.Size)", "pipe.W, -1)"}},
			Catchers: []Catcher{{tierD, "./splice", "^TestBulkIsSpliced$"}},
		}},
	},
	{
		Name: "two_slot_pipes", Tiers: "D",
		Story: "capnproto#1403: past the user's page budget pipes are born with 2 slots, and the slowest requests took ever longer",
		Plants: []Plant{{
			Edits: []Edit{{"pool/pipes.go", "pipe.Size < smallBytes || ", ""}},
			Catchers: []Catcher{
				{unit, "./pool", "^TestPipeBornSmallIsNotUsed$"},
				{tierD, "./splice", "^TestPipesBornSmallCarryNothing$"},
			},
		}},
	},
}
