//go:build race

package main

// hasRaceDetector: memory is many times what it is without.
const hasRaceDetector = true
