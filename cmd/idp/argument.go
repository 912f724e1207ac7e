package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// oneArgument wants exactly one argument, and says what it is.
func oneArgument(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fmt.Errorf("%s: takes one argument, %s", cmd.CommandPath(), what)
		}

		return nil
	}
}

// optionalArgument takes one argument or none, and says what it is.
func optionalArgument(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > 1 {
			return fmt.Errorf("%s: takes one argument, %s", cmd.CommandPath(), what)
		}

		return nil
	}
}

// oneOf refuses a value of a flag that is none of those allowed.
func oneOf(flag, value string, allowed []string) error {
	if !slices.Contains(allowed, value) {
		return fmt.Errorf("%s: must be one of %s", flag, strings.Join(allowed, ", "))
	}

	return nil
}

var inDays = regexp.MustCompile(`^([0-9]{1,5})d$`)

// parsePeriod reads a length of time above zero, such as 12h or 90d.
func parsePeriod(text string) (time.Duration, error) {
	period, err := time.ParseDuration(text)
	if days := inDays.FindStringSubmatch(text); days != nil {
		var n int

		n, err = strconv.Atoi(days[1])
		period = time.Duration(n) * 24 * time.Hour
	}

	if err != nil || period <= 0 {
		return 0, errors.New("must be a time such as 90d or 12h")
	}

	return period, nil
}

// parseMoment reads when something was: so long before now, a day (in UTC) or a time.
func parseMoment(text string, now time.Time) (time.Time, error) {
	if period, err := parsePeriod(text); err == nil {
		return now.Add(-period), nil
	}

	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if moment, err := time.Parse(layout, text); err == nil {
			return moment, nil
		}
	}

	return time.Time{}, errors.New("must be how long ago, such as 90d or 12h, a day, such as 2026-01-31, or a time, such as 2026-01-31T08:00:00Z")
}
