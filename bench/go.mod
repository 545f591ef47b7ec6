module github.com/penstock/penstock/bench

go 1.26.0
