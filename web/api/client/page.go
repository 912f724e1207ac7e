package client

import (
	"iter"
	"net/url"
	"strconv"
)

// pages goes through what is read page by page, from a cursor on.
func pages[T any](cursor string, read func(cursor string) (items []T, next string, err error)) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		for more := true; more; more = cursor != "" {
			items, next, err := read(cursor)
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range items {
				if !yield(&items[i], nil) {
					return
				}
			}
			cursor = next
		}
	}
}

// query has the parameters that are not empty.
func query(limit int, parameters map[string]string) url.Values {
	values := url.Values{}
	for name, value := range parameters {
		if value != "" {
			values.Set(name, value)
		}
	}
	if limit != 0 {
		values.Set("limit", strconv.Itoa(limit))
	}
	return values
}
