package main

import "syscall"

// dieWithParent ends a measured process when the bench is killed.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
