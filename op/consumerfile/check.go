package consumerfile

import (
	"context"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/brandidp/idp/op/brandfile"
	"github.com/brandidp/idp/storage"
)

// checkedLine is a line that has been checked, as far as that goes without the
// database: it is to be written, or it is refused.
type checkedLine struct {
	*storage.ImportLine

	password string
	refusals []Refusal
}

// check checks the lines of a batch on all cores.
func (b *batch) check(ctx context.Context, opts *Options) error {
	const together = 250
	b.checked = make([]*checkedLine, len(b.lines))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for begin := 0; begin < len(b.lines); begin += together {
		group.Go(func() error {
			for i := begin; i < min(begin+together, len(b.lines)) && ctx.Err() == nil; i++ {
				var err error
				if b.checked[i], err = checkLine(b.lines[i], opts); err != nil {
					return err
				}
			}
			return ctx.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("check lines: %w", err)
	}
	b.lines, b.text = nil, nil
	return nil
}

func checkLine(l line, opts *Options) (*checkedLine, error) {
	c := &checkedLine{ImportLine: &storage.ImportLine{Line: l.number}}
	entry, faults := brandfile.ReadConsumer(l.text)
	for _, fault := range faults {
		c.refuse(fault.Pointer(), fault.Rule)
	}
	if entry == nil {
		return c, nil
	}
	if !entry.Named() {
		c.refuse("", ruleUnnamed)
	}
	if entry.Password != "" && opts.SkipHashing {
		c.refuse("/password", rulePlain)
	}
	if len(c.refusals) > 0 {
		return c, nil
	}
	var err error
	if c.ImportLine, err = storage.NewImportLine(l.number, &entry.Consumer, entry.Identifiers); err != nil {
		return nil, fmt.Errorf("line %d: %w", l.number, err)
	}
	c.password = entry.Password
	return c, nil
}

func (c *checkedLine) refuse(pointer, rule string) {
	c.refusals = append(c.refusals, Refusal{Line: c.Line, Pointer: pointer, Rule: rule})
}
