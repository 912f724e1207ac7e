package op

import (
	"time"

	"github.com/brandidp/idp/op/keys"
)

// Status is how an instance fares, for whoever watches it.
type Status struct {
	// ViewAge is how long ago clients and keys were last known to be current; past
	// Keys.ViewLifetime nothing is signed. It is -1 as long as they were never read.
	ViewAge time.Duration
	// ActiveKeys are the keys that sign.
	ActiveKeys []ActiveKey
	// Swept is how many expired rows this instance has deleted.
	Swept int64
}

// ActiveKey is a key that signs.
type ActiveKey struct {
	// ClientID is whose tokens it signs, "" for all clients without keys of their own.
	ClientID string
	Kid, Alg string
	// Age is how long it has been signing.
	Age time.Duration
}

// Status asks nothing of the database.
func (p *Provider) Status() Status {
	status := Status{ViewAge: -1, Swept: p.swept.Load()}
	v := p.view.Load()
	if v == nil {
		return status
	}
	now := p.opts.Now()
	status.ViewAge = now.Sub(v.confirmed)
	for _, row := range v.life.Keys {
		if row.State != keys.Active {
			continue
		}
		key := ActiveKey{Kid: row.Kid, Alg: row.Alg, Age: now.Sub(row.ActivatedAt)}
		if client := v.byID[row.ClientID]; client != nil {
			key.ClientID = client.ClientID
		}
		status.ActiveKeys = append(status.ActiveKeys, key)
	}
	return status
}
