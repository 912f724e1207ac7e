package main

import (
	"fmt"
	"io"
	"runtime"
	"text/tabwriter"
	"time"
)

// announced is what the implicit flow with a session may cost at most, in bare
// signatures of the same run.
const announced = 1.3

// row is one scenario. Times are milliseconds, CPU times those of one operation.
type row struct {
	Name        string  `json:"name"`
	Operations  int     `json:"operations"`
	PerSecond   float64 `json:"operations_per_second"`
	P50         float64 `json:"p50_ms"`
	P99         float64 `json:"p99_ms"`
	ProviderCPU float64 `json:"idp_cpu_ms"`
	DatabaseCPU float64 `json:"postgresql_cpu_ms"`
	// Signature is one bare RSA-2048 signature, the median of the rounds
	// between the slices of this scenario.
	Signature float64 `json:"rsa_2048_signature_cpu_ms"`
}

// ratio is what an operation costs the provider, in bare signatures.
func (r row) ratio() float64 {
	if r.Signature == 0 {
		return 0
	}
	return r.ProviderCPU / r.Signature
}

// report is what a run has found.
type report struct {
	Go         string  `json:"go"`
	Processors int     `json:"processors"`
	Workers    int     `json:"workers"`
	Seconds    float64 `json:"seconds_per_scenario"`
	Scenarios  []row   `json:"scenarios"`
	// Promise is nil if its scenario was not measured.
	Promise *promise `json:"implicit_flow_in_signatures,omitempty"`
}

// promise is a figure held against what was announced.
type promise struct {
	Measured  float64 `json:"measured"`
	Announced float64 `json:"announced"`
	Held      bool    `json:"held"`
}

func newReport(opts options) *report {
	return &report{
		Go: runtime.Version(), Processors: runtime.NumCPU(), Workers: opts.workers,
		Seconds: opts.duration.Round(time.Millisecond).Seconds(),
	}
}

func (r *report) add(s row) {
	r.Scenarios = append(r.Scenarios, s)
	if s.Name == implicitFlow {
		r.Promise = &promise{Measured: s.ratio(), Announced: announced, Held: s.ratio() <= announced}
	}
}

func (r *report) print(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "operation\tops/s\tp50 ms\tp99 ms\tidp CPU ms\tPostgreSQL CPU ms\tRSA signature CPU ms\tidp CPU in signatures\t")
	for _, s := range r.Scenarios {
		fmt.Fprintf(table, "%s\t%.0f\t%.2f\t%.2f\t%.3f\t%.3f\t%.3f\t%.2f\t\n",
			s.Name, s.PerSecond, s.P50, s.P99, s.ProviderCPU, s.DatabaseCPU, s.Signature, s.ratio())
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("table: %w", err)
	}
	fmt.Fprintf(w, "\n%d browsers at once, %g s each, %d processors, %s. CPU times are of one operation; the signature is a bare RSA-2048 one of\n"+
		"crypto/rsa, measured in turns with the scenario and under the same load. Where the machine has other work, the CPU times still mean something; the rest does not.\n",
		r.Workers, r.Seconds, r.Processors, r.Go)
	if p := r.Promise; p != nil {
		mark := "✓"
		if !p.Held {
			mark = "✗"
		}
		fmt.Fprintf(w, "%s The %s costs idp %.2f signatures; announced are at most %.1f.\n", mark, implicitFlow, p.Measured, p.Announced)
	}
	return nil
}
