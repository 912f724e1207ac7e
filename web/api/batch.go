package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strconv"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/op/brandfile"
	"github.com/brandidp/idp/storage"
)

const (
	maxBatch      = 1000
	maxBatchBytes = 8 << 20
	// batchAttempts is how often a batch is judged: again if what it is about was changed
	// meanwhile. Those of one instance that are judged again take turns, so that it takes
	// other instances to come between once more.
	batchAttempts = 5
	// maxItemFaults is how many faults are listed of one consumer, which has fewer fields.
	maxItemFaults = 100
)

// consumerBatch is for the document alone: readBatch reads it.
type consumerBatch struct {
	Consumers []consumerToWrite `doc:"each with a sub or an external_id; a password is taken as password_hash alone" json:"consumers"         maxItems:"1000" minItems:"1"`
	Partial   bool              `doc:"has those written that can be, instead of all or none"                         json:"partial,omitempty"`
}

// batchResult is what has become of one consumer of a batch.
type batchResult struct {
	Status     int     `doc:"201 if the consumer was made, 200 if there was one, else what a request for this one alone would get" json:"status"`
	Sub        string  `json:"sub,omitempty"`
	ExternalID string  `json:"external_id,omitempty"`
	Errors     []Fault `doc:"with places in the body of the request"                                                               json:"errors,omitempty"`
	Warnings   []Fault `doc:"what was sent and not done"                                                                           json:"warnings,omitempty"`
}

type batchResults struct {
	Results []batchResult `doc:"one for each of consumers, in their order" json:"results"`
}

func (a *API) registerBatch() {
	register(a, operation{
		ID: "upsert-consumers", Method: http.MethodPost, Path: "/consumers/batch", Tag: tagConsumers, Scope: op.ScopeConsumersWrite,
		Body: reflect.TypeFor[consumerBatch](), MaxBody: maxBatchBytes,
		Summary: "Make or replace up to 1000 consumers",
		Description: "Each as PUT does with one, by sub or else by external_id. All are written or none is, and an error lists the faults of all; " +
			"with partial, those without a fault are written, and each has a result of its own.",
	}, a.upsertConsumers)
}

// batchItem is one consumer of a batch.
type batchItem struct {
	place string
	// entry is nil if there are faults.
	entry  *brandfile.Entry
	faults []Fault
}

func (i *batchItem) ref() reference {
	if i.entry.Consumer.Sub != "" {
		return reference{sub: i.entry.Consumer.Sub}
	}
	return reference{externalID: i.entry.Consumer.ExternalID}
}

// name is the member by which an item names its consumer.
func (i *batchItem) name() string {
	if i.entry.Consumer.Sub != "" {
		return "/sub"
	}
	return "/external_id"
}

func (i *batchItem) fault(member, rule string) {
	i.faults = append(i.faults, at(i.place+member, rule))
}

// readBatch reads what is sent, with what is wrong with each consumer by itself.
func readBatch(body []byte) (items []*batchItem, partial bool, err error) {
	consumers, partial, faults := splitBatch(body)
	if faults == nil && (len(consumers) == 0 || len(consumers) > maxBatch) {
		faults = []Fault{at("/consumers", "must be a list of 1 to "+strconv.Itoa(maxBatch)+" consumers")}
	}
	if faults != nil {
		return nil, false, problem(http.StatusBadRequest, detailFaults, faults...)
	}
	for i, data := range consumers {
		item := &batchItem{place: "/consumers/" + strconv.Itoa(i)}
		entry, faults := brandfile.ReadConsumer(data)
		for _, fault := range faults[:min(len(faults), maxItemFaults)] {
			item.fault(fault.Pointer(), fault.Rule)
		}
		if entry != nil {
			item.entry = entry
			item.check()
		}
		items = append(items, item)
	}
	return items, partial, nil
}

// check notes what one consumer by itself may have, but not one of several.
func (i *batchItem) check() {
	if i.entry.Consumer.Sub == "" && i.entry.Consumer.ExternalID == "" {
		i.fault("", "must have a sub or an external_id")
	}
	if i.entry.Password != "" {
		i.fault("/password", "must be given as password_hash, or with one consumer at a time: many would take too long to hash")
	}
}

// splitBatch reads a batch but for its consumers.
func splitBatch(body []byte) (consumers []json.RawMessage, partial bool, faults []Fault) {
	d := json.NewDecoder(bytes.NewReader(body))
	if token, err := d.Token(); err != nil || token != json.Delim('{') || !json.Valid(body) {
		return nil, false, []Fault{at("", "must be a JSON object")}
	}
	seen := map[string]bool{}
	for d.More() {
		var value json.RawMessage
		token, err := d.Token()
		if err == nil {
			err = d.Decode(&value)
		}
		if err != nil { // it is valid
			return nil, false, []Fault{at("", "must be a JSON object")}
		}
		name, _ := token.(string)
		var rule string
		switch {
		case seen[name]:
			rule = "must not be given twice"
		case name == "consumers":
			if json.Unmarshal(value, &consumers) != nil {
				rule = "must be a list of consumers"
			}
		case name == "partial":
			if err := json.Unmarshal(value, &partial); err != nil || value[0] == 'n' {
				rule = "must be true or false"
			}
		default:
			rule = "is not a known field; known are consumers, partial"
		}
		seen[name] = true
		if rule != "" && len(faults) < maxItemFaults {
			faults = append(faults, at("/"+told(name), rule))
		}
	}
	return consumers, partial, faults
}

func (a *API) upsertConsumers(ctx context.Context, in *struct{ RawBody []byte }) (*struct{ Body batchResults }, error) {
	items, partial, err := readBatch(in.RawBody)
	if err != nil {
		return nil, err
	}
	for attempt := range batchAttempts {
		if attempt == 1 {
			if err := a.anew.Acquire(ctx, 1); err != nil {
				return nil, storage.ErrChanged
			}
			defer a.anew.Release(1)
		}
		b := &batch{api: a, items: items}
		if err := b.judge(ctx); err != nil {
			return nil, err
		}
		if err := b.problem(); err != nil && !partial {
			return nil, err
		}
		claim := a.keeping(ctx, func() (int, http.Header, any) { return http.StatusOK, nil, b.results() })
		err := a.provider.Store().WriteConsumers(ctx, b.writes, claim)
		if errors.Is(err, storage.ErrChanged) || errors.Is(err, storage.ErrConflict) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return &struct{ Body batchResults }{b.results()}, nil
	}
	return nil, storage.ErrChanged
}
