// Go: os/signal and the preemption of goroutines beside the library in a shared object.
package main

// #include "host.h"
import "C"

import (
	"os"
	"os/signal"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
)

var golang = make(chan os.Signal, 100)

func check(holds bool, what string) {
	if !holds {
		println("failed:", what)
		os.Exit(1)
	}
}

func goHears() {
	select {
	case <-golang:
	case <-time.After(30 * time.Second):
		check(false, "Go hears")
	}
}

func bothHear() {
	check(C.host_heard(30000) == C.int(syscall.SIGUSR1), "the pipe hears")
	goHears()
}

func kill() {
	check(syscall.Kill(os.Getpid(), syscall.SIGUSR1) == nil, "kill")
}

// A goroutine that never calls anything gives way only if a SIGURG interrupts it.
func preempt() {
	before := runtime.GOMAXPROCS(1)
	var started, stop int32
	done := make(chan bool)
	go func() {
		atomic.StoreInt32(&started, 1)
		for atomic.LoadInt32(&stop) == 0 {
		}
		done <- true
	}()
	// On the one processor: what goes on here afterwards has interrupted it.
	for atomic.LoadInt32(&started) == 0 {
		runtime.Gosched()
	}
	atomic.StoreInt32(&stop, 1)
	<-done
	runtime.GOMAXPROCS(before)
}

func main() {
	usr1 := C.int(syscall.SIGUSR1)
	signal.Notify(golang, syscall.SIGUSR1)
	kill()
	goHears()

	check(C.host_watch(usr1) == 0, "watch")
	check(C.host_on_stack(usr1) == 1, "SA_ONSTACK")
	for i := 0; i < 20; i++ {
		kill()
		bothHear()
		go C.host_send(usr1)
		bothHear()
		preempt()
	}
	check(C.host_section(usr1) == 0, "section")
	goHears()
	check(C.host_unwatch(0) == 0, "unwatch")
	kill()
	goHears()

	// A handler of the shared object's own, and back. It has no SA_ONSTACK, so it must not interrupt
	// a goroutine, on whose stack it might not fit: it runs on the stack of C, inside `send`.
	runtime.LockOSThread()
	check(C.host_install(usr1) == 0, "install")
	check(C.host_send(usr1) == 0 && C.host_counted(0) == 1, "counted")
	check(C.host_restore(0) == 1, "restore")
	runtime.UnlockOSThread()
	check(len(golang) == 0, "Go has not heard it")
	kill()
	goHears()

	// A pipe for the signal by which Go preempts.
	check(C.host_watch(C.int(syscall.SIGURG)) == 0, "watch SIGURG")
	preempt()
	check(C.host_heard(30000) == C.int(syscall.SIGURG), "the pipe hears SIGURG")
	check(C.host_unwatch(0) == 0, "unwatch SIGURG")
	preempt()
}
