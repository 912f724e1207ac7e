package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// warmUp is how long a scenario runs before it counts: connections, prepared
// statements and heap reach their steady state.
const warmUp = time.Second

// reading is the CPU time so far.
type reading struct {
	at       time.Time
	provider time.Duration
	database time.Duration
}

func read(p *provider) (reading, error) {
	var r reading
	var err error
	if r.provider, err = processCPU(p.pid()); err != nil {
		return r, fmt.Errorf("provider: %w", err)
	}
	if r.database, err = familyCPU(p.postmaster); err != nil {
		return r, fmt.Errorf("database: %w", err)
	}
	r.at = time.Now()
	return r, nil
}

// measure has every browser repeat the scenario for the given time.
func measure(ctx context.Context, p *provider, s scenario, browsers []*browser, duration time.Duration) (row, error) {
	if _, err := repeat(ctx, s, browsers, min(warmUp, duration)); err != nil {
		return row{}, err
	}
	before, err := read(p)
	if err != nil {
		return row{}, err
	}
	took, err := repeat(ctx, s, browsers, duration)
	if err != nil {
		return row{}, err
	}
	after, err := read(p)
	if err != nil {
		return row{}, err
	}
	slices.Sort(took)
	n := time.Duration(len(took))
	return row{
		Name: s.name, Operations: len(took),
		PerSecond:   float64(len(took)) / after.at.Sub(before.at).Seconds(),
		P50:         milliseconds(took[len(took)/2]),
		P99:         milliseconds(took[len(took)*99/100]),
		ProviderCPU: milliseconds((after.provider - before.provider) / n),
		DatabaseCPU: milliseconds((after.database - before.database) / n),
	}, nil
}

// repeat gives how long each operation took. The first failure ends it.
func repeat(ctx context.Context, s scenario, browsers []*browser, duration time.Duration) ([]time.Duration, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	end := time.Now().Add(duration)
	took := make([][]time.Duration, len(browsers))
	var wait sync.WaitGroup
	for i, b := range browsers {
		wait.Go(func() {
			for ctx.Err() == nil {
				begun := time.Now()
				if err := s.operate(b, ctx); err != nil {
					cancel(err)
					return
				}
				done := time.Now()
				took[i] = append(took[i], done.Sub(begun))
				if done.After(end) {
					return
				}
			}
		})
	}
	wait.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	return slices.Concat(took...), nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
