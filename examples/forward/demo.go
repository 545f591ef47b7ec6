package main

func runDemo() int { return 0 }
