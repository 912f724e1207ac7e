package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/brandidp/idp/op/consumerfile"
	"github.com/brandidp/idp/storage"
)

// The bar that is left shows the last batch, however soon it came after the one before,
// and though the input had been read to its end by then.
func TestProgressBarEndsWithTheLastBatch(t *testing.T) {
	t.Parallel()

	for size, full := range map[int64]string{100: "100%", -1: ""} {
		var drawn bytes.Buffer

		p := newProgress(&drawn, size, false)
		p.bar, p.told = newBar(&drawn, size), time.Time{}

		for lines := int64(1); lines <= 3; lines++ {
			p.show(consumerfile.State{Lines: lines, ReadBytes: 100, ImportCounts: storage.ImportCounts{Refused: lines - 1}})
		}

		p.end()

		all := strings.Split(strings.TrimSpace(drawn.String()), "\r")
		if last := all[len(all)-1]; !strings.Contains(last, "3 lines, ") || !strings.Contains(last, "2 refused") || !strings.Contains(last, full) {
			t.Errorf("%q", all)
		}
	}
}
