// Package process tests the program as a process: how it starts and stops, how it
// reloads its files, what it logs and how much memory it takes.
//
// Real: the program, run on Linux for the memory tests. Fake: a StatsD that keeps the
// lines it receives. Needs: nothing else.
package process
