package brandfile

import (
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

const (
	minLifetime = 5 * time.Second
	maxLifetime = 365 * 24 * time.Hour
	day         = 24 * time.Hour
)

// dayPattern is the unit that Go's durations lack.
var dayPattern = regexp.MustCompile(`^([0-9]{1,4})d$`)

// lifetime reads how long something lives.
func (d *decoder) lifetime(node *yaml.Node, path string, v reflect.Value) {
	lifetime, ok := readDuration(node)
	if !ok || lifetime < minLifetime || lifetime > maxLifetime {
		d.fault(node.Line, path, "must be a duration such as 90s, 10m, 1h or 30d, or a number of seconds; from 5s to 365d, in whole seconds")
		return
	}
	v.SetInt(int64(lifetime / time.Second))
}

// duration reads any duration; its bounds are for others to check.
func (d *decoder) duration(node *yaml.Node, path string, v reflect.Value) {
	duration, ok := readDuration(node)
	if !ok {
		d.fault(node.Line, path, "must be a duration such as 5s or 1m, or a number of seconds, in whole seconds")
		return
	}
	v.SetInt(int64(duration / time.Second))
}

// readDuration reads a duration, as text with a unit or as a number of seconds.
func readDuration(node *yaml.Node) (time.Duration, bool) {
	var (
		duration time.Duration
		err      error
	)
	switch {
	case node.Tag == "!!int" && integerPattern.MatchString(node.Value) && len(node.Value) < 10:
		duration, err = time.ParseDuration(node.Value + "s")
	case node.Tag == "!!str" && dayPattern.MatchString(node.Value):
		days, _ := strconv.Atoi(strings.TrimSuffix(node.Value, "d")) // digits
		duration = time.Duration(days) * day
	case node.Tag == "!!str":
		duration, err = time.ParseDuration(node.Value)
	default:
		return 0, false
	}
	return duration, err == nil && duration%time.Second == 0
}
