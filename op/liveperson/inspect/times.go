package inspect

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/brandidp/idp/op/liveperson"
)

const (
	// skew is how far two clocks may be apart. What Conversational Cloud allows is
	// not documented.
	skew = time.Minute
	// tooLarge is more seconds since 1970 than a date of our times has, and fewer
	// milliseconds.
	tooLarge = 100_000_000_000
	// Documented tokens live from ten minutes to a day.
	shortLife, longLife = time.Minute, 24 * time.Hour
)

func (x *examination) times() {
	now := x.opts.Now.Unix()
	issued, noIssued := seconds(x.claims["iat"])
	switch ahead := between(now, issued); {
	case noIssued != nil:
		x.fail("iat", "iat "+noIssued.Error())
	case ahead > skew:
		x.fail("iat", fmt.Sprintf("iat is %s in the future: a clock is wrong", span(ahead)))
	case ahead > 0:
		x.warn("iat", fmt.Sprintf("iat is %s in the future: how far clocks may differ is not documented", span(ahead)))
	default:
		x.pass("iat", fmt.Sprintf("iat is in seconds, %s ago", span(-ahead)))
	}
	expires, noExpires := seconds(x.claims["exp"])
	switch left := between(now, expires); {
	case noExpires != nil:
		x.fail("exp", "exp "+noExpires.Error())
	case left <= 0:
		x.fail("exp", fmt.Sprintf("it has expired, %s ago", span(-left)))
	default:
		x.pass("exp", fmt.Sprintf("exp is in seconds, %s from now", span(left)))
	}
	if noIssued == nil && noExpires == nil {
		x.lifetime(between(issued, expires))
	}
	x.notBefore(now)
}

// lifetime judges the time between iat and exp, which becomes the length of the
// consumer's session at Conversational Cloud.
func (x *examination) lifetime(life time.Duration) {
	switch {
	case life <= 0:
		x.fail("lifetime", "exp is not after iat")
	case life < shortLife:
		x.warn("lifetime", span(life)+": the page is asked for a new token at once")
	case life > longLife:
		x.warn("lifetime", span(life)+": it is the length of the consumer's session, and longer than any documented one")
	default:
		x.pass("lifetime", span(life))
	}
}

// notBefore: nbf is not documented, but any library that knows it heeds it.
func (x *examination) notBefore(now int64) {
	value, there := x.claims["nbf"]
	if !there {
		return
	}
	from, err := seconds(value)
	switch {
	case err != nil:
		x.fail("nbf", "nbf "+err.Error())
	case from > now:
		x.fail("nbf", fmt.Sprintf("it is not valid yet: nbf is %s in the future", span(between(now, from))))
	default:
		x.pass("nbf", "nbf is past; leave it out, since it is not documented")
	}
}

// seconds reads a time: a whole number of seconds since 1970. Its errors end a
// sentence that begins with the claim.
func seconds(value any) (int64, error) {
	if value == nil {
		return 0, errors.New("is missing")
	}
	n, isNumber := value.(json.Number)
	if !isNumber {
		return 0, errors.New("is " + liveperson.KindOf(value) + ", and must be a number of seconds since 1970")
	}
	at, err := n.Int64()
	switch {
	case err != nil && strings.ContainsAny(n.String(), ".eE"):
		return 0, errors.New("is not a whole number of seconds")
	case err != nil || at >= tooLarge:
		return 0, errors.New("is in milliseconds, and must be in seconds since 1970")
	case at <= 0:
		return 0, errors.New("is not after 1970")
	}
	return at, nil
}

// between gives the time from one moment to another, in seconds since 1970.
func between(from, to int64) time.Duration {
	const longest = int64(100 * 365 * 24 * time.Hour / time.Second) // more does not fit for certain
	return time.Duration(max(-longest, min(longest, to-from))) * time.Second
}

// span writes a duration for people: its larger units alone.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	units := []struct {
		size time.Duration
		name string
	}{{day, "d"}, {time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}}
	for i, unit := range units {
		if d < unit.size {
			continue
		}
		whole := fmt.Sprintf("%d %s", d/unit.size, unit.name)
		if i+1 < len(units) && d%unit.size >= units[i+1].size {
			whole += fmt.Sprintf(" %d %s", d%unit.size/units[i+1].size, units[i+1].name)
		}
		return whole
	}
	return "0 s"
}
