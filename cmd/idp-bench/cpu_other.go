//go:build !linux

package main

import (
	"errors"
	"time"
)

var errNoAccounting = errors.New("CPU time of other processes is read from Linux's accounting; run the benchmark on Linux")

func threadCPU() (time.Duration, error) { return 0, errNoAccounting }

func processCPU(int) (time.Duration, error) { return 0, errNoAccounting }

func familyCPU(int) (time.Duration, error) { return 0, errNoAccounting }

func freeSpace(string) (int64, error) { return 0, errNoAccounting }
