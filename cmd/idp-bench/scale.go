package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"text/tabwriter"
	"time"
)

const (
	// fewConsumers is what more of them are compared with.
	fewConsumers = 1000
	// Of ratioAllowed, what is done for one of many may cost as much as among few.
	ratioAllowed = 1.3
	// What a consumer takes on the disk, and what the databases take without any.
	consumerBytes = 1300
	databaseBytes = 4 << 30
)

// operation is what is done for one consumer.
type operation struct {
	name string
	do   func(*brand, context.Context, int) error
}

var operations = []operation{
	{"upsert by reference", (*brand).upsert},
	{"engagements/token, ID token", (*brand).engage},
}

// comparison is how long an operation takes: the medians.
type comparison struct {
	operation  string
	few, many  time.Duration
	operations int
}

func (c comparison) ratio() float64 { return float64(c.many) / float64(c.few) }

// runScale measures what is done for one consumer among few and among many, in turns,
// since the pace of a shared machine changes.
func runScale(ctx context.Context, opts options, stdout io.Writer, progress func(string, ...any)) error {
	if err := enoughSpace(opts.consumers, progress); err != nil {
		return err
	}
	var brands [2]*brand
	for i, consumers := range [...]int{fewConsumers, opts.consumers} {
		b, err := startBrand(ctx, opts.binary, consumers, progress)
		if err != nil {
			return err
		}
		defer b.stop()
		brands[i] = b
	}
	comparisons := make([]comparison, 0, len(operations))
	for _, o := range operations {
		progress("measuring %s", o.name)
		c, err := compare(ctx, o, brands, opts.duration)
		if err != nil {
			return fmt.Errorf("%s: %w", o.name, err)
		}
		comparisons = append(comparisons, c)
	}
	return printScale(stdout, opts.consumers, comparisons)
}

// enoughSpace says what is needed on the disk, and whether that is there.
func enoughSpace(consumers int, progress func(string, ...any)) error {
	need := int64(databaseBytes) + int64(consumers)*consumerBytes
	free, err := freeSpace(os.TempDir())
	if err != nil {
		return err
	}
	progress("%d consumers need %.1f GB below %s (TMPDIR), where %.1f GB are free", consumers, float64(need)/1e9, os.TempDir(), float64(free)/1e9)
	if free < need {
		return errors.New("not enough space: name another folder by TMPDIR, or fewer consumers")
	}
	return nil
}

// compare has each brand do the operation in turn, for consumers at random.
func compare(ctx context.Context, o operation, brands [2]*brand, duration time.Duration) (comparison, error) {
	const unmeasured = 200 // of each: connections, statements and caches reach their steady state
	var took [2][]time.Duration
	for n, begin := 0, time.Now(); n <= unmeasured || time.Since(begin) < 2*duration; n++ {
		if n == unmeasured {
			begin, took = time.Now(), [2][]time.Duration{}
		}
		for i, b := range brands {
			consumer := rand.IntN(b.consumers) //nolint:gosec // any will do
			start := time.Now()
			if err := o.do(b, ctx, consumer); err != nil {
				return comparison{}, b.explain(err)
			}
			took[i] = append(took[i], time.Since(start))
		}
	}
	return comparison{o.name, median(took[0]), median(took[1]), len(took[0])}, nil
}

func printScale(w io.Writer, consumers int, comparisons []comparison) error {
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "median of\t%d consumers\t%d consumers\tratio\tof each\t\n", fewConsumers, consumers)
	for _, c := range comparisons {
		fmt.Fprintf(table, "%s\t%.2f ms\t%.2f ms\t%.2f\t%d\t\n", c.operation, milliseconds(c.few), milliseconds(c.many), c.ratio(), c.operations)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("table: %w", err)
	}
	worst := slices.MaxFunc(comparisons, func(a, b comparison) int { return int(1000 * (a.ratio() - b.ratio())) })
	mark := "✓"
	if worst.ratio() >= ratioAllowed {
		mark = "✗"
	}
	_, err := fmt.Fprintf(w, "\n%s, one caller, consumers at random, in turns with each database.\n%s The ratio is at most %.2f; announced is below %.1f.\n",
		time.Now().Format(time.DateOnly), mark, worst.ratio(), ratioAllowed)
	if err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}
