package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// warmUp is how long a scenario runs before it counts: connections, prepared
// statements and heap reach their steady state.
const warmUp = time.Second

// slicesOfScenario is in how many parts a scenario is measured: the pace of a
// shared machine changes within seconds, and with it that of the yardstick.
const slicesOfScenario = 10

// reading is time on the wall and CPU time.
type reading struct{ wall, provider, database time.Duration }

// begun is the origin of the wall's time.
var begun = time.Now()

func read(p *provider) (reading, error) {
	r := reading{wall: time.Since(begun)}
	var err error
	if r.provider, err = processCPU(p.pid()); err != nil {
		return r, fmt.Errorf("provider: %w", err)
	}
	if r.database, err = familyCPU(p.postmaster); err != nil {
		return r, fmt.Errorf("database: %w", err)
	}
	return r, nil
}

// add adds what was spent between two readings.
func (r *reading) add(before, after reading) {
	r.wall += after.wall - before.wall
	r.provider += after.provider - before.provider
	r.database += after.database - before.database
}

// measure has every browser repeat the scenario for the given time, in slices,
// with a round of bare signatures beside it after each.
func measure(ctx context.Context, p *provider, s scenario, browsers []*browser, duration time.Duration, y *yardstick) (row, error) {
	if _, err := repeat(ctx, s, browsers, min(warmUp, duration)); err != nil {
		return row{}, err
	}
	var took, rounds []time.Duration
	var spent reading
	for range slicesOfScenario {
		before, err := read(p)
		if err != nil {
			return row{}, err
		}
		times, err := repeat(ctx, s, browsers, duration/slicesOfScenario)
		if err != nil {
			return row{}, err
		}
		after, err := read(p)
		if err != nil {
			return row{}, err
		}
		spent.add(before, after)
		took = append(took, times...)
		round, err := measureBeside(ctx, y, s, browsers)
		if err != nil {
			return row{}, err
		}
		rounds = append(rounds, round)
	}
	slices.Sort(took)
	n := time.Duration(len(took))
	return row{
		Name: s.name, Operations: len(took),
		PerSecond:   float64(len(took)) / spent.wall.Seconds(),
		P50:         milliseconds(took[len(took)/2]),
		P99:         milliseconds(took[len(took)*99/100]),
		ProviderCPU: milliseconds(spent.provider / n),
		DatabaseCPU: milliseconds(spent.database / n),
		Signature:   milliseconds(median(rounds)),
	}, nil
}

// measureBeside measures the yardstick while the browsers carry on, uncounted.
func measureBeside(ctx context.Context, y *yardstick, s scenario, browsers []*browser) (time.Duration, error) {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		_, err := repeat(ctx, s, browsers, roundLength)
		return err
	})
	round, err := y.measure(ctx)
	return round, errors.Join(err, group.Wait())
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
				start := time.Now()
				if err := s.operate(b, ctx); err != nil {
					cancel(err)
					return
				}
				done := time.Now()
				took[i] = append(took[i], done.Sub(start))
				if done.After(end) {
					return
				}
			}
		})
	}
	wait.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("stopped: %w", err)
	}
	return slices.Concat(took...), nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
