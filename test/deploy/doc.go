// Package deploy tests what operators install: the container image.
//
// Real: the image as make image builds it with buildah, and its program, which runs
// inside the image's files. Fake: a StatsD that keeps the lines it receives. Needs:
// make, buildah and root.
package deploy
