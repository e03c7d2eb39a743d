// Package docs tests the Markdown files of the repository: it runs their samples and
// commands, and checks their links and the names in them. See test/README.md for the
// conventions. Real: the program, curl, nginx, Chromium and the client. Fake: a StatsD
// that keeps the lines it receives. Needs: bash, curl, nginx, Node.js, Python, PHP,
// Chromium.
package docs
