package main

import (
	"runtime"
	"sync"
)

// beside workers, goroutines wait in the kernel: for the end of the program, for signals, for files and volumes.
const threadsBeside = 8

// makeThreads makes every thread that this process will need. A limit of processes (pids.max of the Pod, "ulimit -u" of
// the user) counts threads, and the program and others of its Pod may reach it. Go's runtime keeps threads, makes more
// when it lacks one, and ends the process where the kernel refuses: as process 1 it would take the program with it.
func makeThreads() {
	count := 2*workers() + threadsBeside
	var made, ended sync.WaitGroup
	made.Add(count)
	leave := make(chan struct{})
	for range count {
		ended.Go(func() {
			// It has a thread of its own until it unlocks it.
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			made.Done()
			<-leave
		})
	}
	made.Wait()
	close(leave)
	ended.Wait()
}
