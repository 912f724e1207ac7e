package op

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/storage"
)

const (
	// scheduleInterval is how often an instance looks whether a schedule has something
	// to do. It looks at what it holds in memory.
	scheduleInterval = time.Second
	// scheduleLease is how long one instance has a schedule before another may take it.
	scheduleLease = 30 * time.Second
)

// ScheduledKeys are whose keys a schedule replaces.
type ScheduledKeys struct {
	// ClientID is the connector, "" for the provider, and Alg one of keys.Algs, "" for
	// what the connector has, or RS256.
	ClientID, Alg string
	// Audit tells who asks. What is done to what is filled in here.
	Audit storage.AuditEvent
}

// scheduleState is what an audit event says of a schedule.
type scheduleState struct {
	Alg   string `json:"alg"`
	Every string `json:"every"`
	Wait  string `json:"wait"`
	Keep  string `json:"keep"`
}

func stateOf(s *storage.KeySchedule) *scheduleState {
	return &scheduleState{Alg: s.Alg, Every: s.Every.String(), Wait: s.Wait.String(), Keep: s.Keep.String()}
}

// SetKeySchedule has keys replaced by a schedule, or changes one. One that would break
// somebody is refused.
func SetKeySchedule(ctx context.Context, store *storage.Store, settings keys.Settings, of ScheduledKeys, every, wait, keep time.Duration) error {
	return administerSchedule(ctx, store, settings, of, "set", func(tx *storage.Tx, life *keys.Life, wanted, _ *storage.KeySchedule) error {
		wanted.Every, wanted.Wait, wanted.Keep = every, wait, keep
		if err := life.CheckSchedule(wanted); err != nil {
			return err
		}
		return tx.SetKeySchedule(ctx, wanted)
	})
}

// PauseKeySchedule has a schedule do nothing until it is resumed. It is
// storage.ErrNotFound if there is none.
func PauseKeySchedule(ctx context.Context, store *storage.Store, of ScheduledKeys, paused bool) error {
	name := map[bool]string{true: "pause", false: "resume"}[paused]
	return administerSchedule(ctx, store, keys.Settings{}, of, name, func(tx *storage.Tx, _ *keys.Life, _, there *storage.KeySchedule) error {
		if there == nil {
			return storage.ErrNotFound
		}
		return tx.PauseKeySchedule(ctx, there.ID, paused)
	})
}

// RemoveKeySchedule removes a schedule; the keys stay as they are. It is
// storage.ErrNotFound if there is none.
func RemoveKeySchedule(ctx context.Context, store *storage.Store, of ScheduledKeys) error {
	return administerSchedule(ctx, store, keys.Settings{}, of, "remove", func(tx *storage.Tx, _ *keys.Life, wanted, there *storage.KeySchedule) error {
		if there == nil {
			return storage.ErrNotFound
		}
		wanted.Alg = "" // nothing is left
		return tx.DeleteKeySchedule(ctx, there.ID)
	})
}

// administerSchedule changes a schedule, there being nil if there is none, and tells of
// it in the same transaction.
func administerSchedule(ctx context.Context, store *storage.Store, settings keys.Settings, of ScheduledKeys, action string,
	change func(tx *storage.Tx, life *keys.Life, wanted, there *storage.KeySchedule) error,
) error {
	err := store.Administer(ctx, func(tx *storage.Tx) error {
		snapshot, err := tx.Snapshot(ctx)
		if err != nil {
			return err
		}
		life := LifeOf(snapshot, settings)
		owner, alg, err := life.Owner(of.ClientID, of.Alg)
		if err != nil {
			return err
		}
		event := of.Audit
		event.Action, event.TargetKind, event.Target = "key_schedules."+action, "key_schedule", scheduleName(of.ClientID, alg)
		wanted := &storage.KeySchedule{ClientID: owner, Alg: alg}
		var there *storage.KeySchedule
		for _, s := range snapshot.Schedules {
			if s.ClientID == owner && s.Alg == alg {
				there, *wanted = s, *s
			}
		}
		if there != nil {
			if event.Before, err = json.Marshal(stateOf(there)); err != nil {
				return fmt.Errorf("tell of a schedule: %w", err)
			}
		}
		if err := change(tx, life, wanted, there); err != nil {
			return err
		}
		if wanted.Alg != "" {
			if event.After, err = json.Marshal(stateOf(wanted)); err != nil {
				return fmt.Errorf("tell of a schedule: %w", err)
			}
		}
		return tx.Audit(ctx, event)
	})
	if err != nil {
		return fmt.Errorf("key schedule of %s: %w", scheduleName(of.ClientID, of.Alg), err)
	}
	return nil
}

// scheduleName names a schedule for people.
func scheduleName(clientID, alg string) string {
	if clientID == "" {
		clientID = "the provider"
	}
	if alg == "" {
		return clientID
	}
	return clientID + ", " + alg
}

// runKeySchedules makes the steps of schedules when their time has come.
func (p *Provider) runKeySchedules(ctx context.Context) {
	said := map[int64]string{} // why a schedule waits, by ID
	for ctx.Err() == nil {
		pause(ctx, scheduleInterval)
		v, err := p.current()
		if err != nil {
			continue
		}
		life := *v.life
		life.Now = p.opts.Now()
		life.Instances = nil // which have gone on since; the step itself looks at them
		for _, s := range v.schedules {
			if !s.PausedAt.IsZero() {
				continue
			}
			plan := life.Plan(s)
			if plan.Awaits != said[s.ID] && plan.Awaits != "" {
				p.opts.Log.WarnContext(ctx, "a schedule of signing keys waits", "schedule", v.scheduleName(s), "step", plan.Step, "for", plan.Awaits)
			}
			said[s.ID] = plan.Awaits
			if plan.Due(life.Now) {
				p.runKeySchedule(ctx, v, s, plan)
			}
		}
	}
}

// scheduleName names a schedule for people.
func (v *view) scheduleName(s *storage.KeySchedule) string {
	return scheduleName(v.clientID(s.ClientID), s.Alg)
}

// clientID is that of an owner of keys, "" for the provider.
func (v *view) clientID(owner int64) string {
	if client := v.byID[owner]; client != nil {
		return client.ClientID
	}
	return ""
}

// runKeySchedule makes the next step of a schedule, if no other instance does.
func (p *Provider) runKeySchedule(ctx context.Context, v *view, s *storage.KeySchedule, plan *keys.Plan) {
	ctx, cancel := context.WithTimeout(ctx, scheduleLease)
	defer cancel()
	step := plan.Step
	err := func() error {
		taken, err := p.opts.Store.TakeKeySchedule(ctx, s.ID, scheduleLease)
		if err != nil || !taken {
			return err
		}
		defer func() {
			if err := p.opts.Store.GiveBackKeySchedule(context.WithoutCancel(ctx), s.ID); err != nil {
				p.opts.Log.InfoContext(ctx, "a schedule of signing keys was not given back", "error", err)
			}
		}()
		var made *storage.SigningKey
		if step == keys.Create {
			if made, err = p.opts.Signers.Generate(p.opts.Keyring, p.opts.Rand, s.Alg); err != nil {
				return err
			}
		}
		return p.stepSchedule(ctx, v, s.ID, made)
	}()
	if _, refused := errors.AsType[*keys.RefusedError](err); refused {
		p.opts.Log.DebugContext(ctx, "a step of a schedule of signing keys waits", "schedule", v.scheduleName(s), "error", err)
		return
	}
	if err != nil && ctx.Err() == nil {
		p.opts.Log.WarnContext(ctx, "a step of a schedule of signing keys failed; it is tried again", "schedule", v.scheduleName(s), "step", step, "error", err)
	}
}

// stepSchedule makes what the plan says in the moment of the step, which may be nothing
// any more. made is a key to take if one is to be made.
func (p *Provider) stepSchedule(ctx context.Context, v *view, id int64, made *storage.SigningKey) error {
	var step *keys.Verdict
	err := p.opts.Store.Administer(ctx, func(tx *storage.Tx) error {
		snapshot, err := tx.Snapshot(ctx)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(snapshot.Schedules, func(s *storage.KeySchedule) bool { return s.ID == id && s.PausedAt.IsZero() })
		if i < 0 {
			return nil
		}
		s, life := snapshot.Schedules[i], LifeOf(snapshot, p.opts.Keys)
		plan := life.Plan(s)
		audit := storage.AuditEvent{ActorKind: storage.ActorSchedule, Actor: v.scheduleName(s)}
		switch {
		case !plan.Due(snapshot.Now):
			return nil
		case plan.Step != keys.Create:
			verdict := life.Decide(plan.Step, plan.Key)
			if err := verdict.Err(false); err != nil {
				return err
			}
			step = verdict
			return makeStep(ctx, tx, verdict, audit)
		case made == nil:
			return nil // the next look has one made
		}
		made.ClientID = s.ClientID
		if err := insertKey(ctx, tx, made, keys.Create, v.clientID(s.ClientID), audit); err != nil {
			return err
		}
		return makeStep(ctx, tx, life.Decide(keys.Publish, made), audit)
	})
	if err == nil && step != nil && step.To == keys.Deleted && step.Key.PrivateURI != "" {
		// Nobody has asked for it now, and a copy of the database has the same schedule.
		p.opts.Log.WarnContext(ctx, "the private half of a deleted signing key stays in its token: destroy it there by the token's own tool",
			"key", step.Key.Kid, "address", step.Key.PrivateURI)
	}
	return err
}
