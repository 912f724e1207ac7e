package consumerfile

import (
	"context"
	"errors"
	"io"

	"golang.org/x/sync/errgroup"

	"github.com/brandidp/idp/storage"
)

// Import imports the consumers of an input, which is read from where it stands, and
// seeked to its beginning if it has to be read again and can be. A line that cannot be
// taken is refused and reported; the others are written in batches, a transaction
// each. Killed at any moment and started again with the same input, it goes on with
// the first batch that is not in the database.
//
// When the context ends, the batch at hand is finished: ErrStopped. storage.
// ErrImportRunning, storage.ErrImportGone and storage.ErrUnavailable come from the database. The state is
// that of what was committed, also with an error.
func Import(ctx context.Context, store *storage.Store, input io.Reader, opts Options) (State, error) {
	if err := opts.Report.check(input); err != nil {
		return State{}, err
	}
	writer, err := store.OpenImporter(ctx)
	if err != nil {
		return State{}, err
	}
	defer writer.Close(ctx)
	im := &importer{opts: &opts, writer: writer}
	if err := im.begin(ctx, input); err != nil {
		return im.state, err
	}
	err = im.run(ctx)
	if closeErr := opts.Report.close(im.job.ReportBytes, opts.DryRun); err == nil {
		err = closeErr
	}
	if err == nil && !opts.DryRun {
		err = writer.EndJob(context.WithoutCancel(ctx), im.job.ID)
	}
	return im.state, err
}

// importer is one import that runs.
type importer struct {
	opts   *Options
	writer *storage.Importer
	reader *reader
	job    storage.ImportJob
	state  State
	// fresh tells that the database knew nothing of the batch before. Then it is not
	// asked about the next one, which costs a fourth of writing it: if it does know
	// something, writing ends in a conflict.
	fresh bool
}

// begin opens the input, and goes to where an earlier run has stopped.
func (im *importer) begin(ctx context.Context, input io.Reader) error {
	var err error
	if im.reader, err = newReader(input); err != nil {
		return err
	}
	if im.opts.DryRun {
		return nil
	}
	head, err := im.reader.head()
	if err != nil {
		return err
	}
	job, err := im.writer.FindJob(ctx, head)
	switch {
	case errors.Is(err, storage.ErrNotFound):
	case err != nil:
		return err
	case im.opts.Restart:
		if err := im.writer.EndJob(ctx, job.ID); err != nil {
			return err
		}
	default:
		resumed, err := im.resume(job, input)
		if err != nil || resumed {
			return err
		}
	}
	im.job = storage.ImportJob{HeadSHA256: head, ReadSHA256: im.reader.read.Sum(nil)}
	return im.writer.StartJob(ctx, &im.job)
}

// resume reads what is imported, and tells whether that was so: an input that differs
// further on is another, and read from its beginning.
func (im *importer) resume(job *storage.ImportJob, input io.Reader) (bool, error) {
	same, err := im.reader.skip(job.OffsetBytes, job.Lines, job.ReadSHA256)
	if err != nil {
		return false, err
	}
	if same {
		im.job = *job
		im.job.ReportBytes = im.opts.Report.resume(job.ReportBytes)
		im.state = State{Lines: job.Lines, Resumed: job.Lines, ImportCounts: job.ImportCounts, ReadBytes: im.reader.raw.n}
		return true, nil
	}
	seeker, ok := input.(io.Seeker)
	if !ok {
		return false, ErrOtherInput
	}
	if _, err := seeker.Seek(0, io.SeekStart); err != nil {
		return false, ErrOtherInput
	}
	im.reader, err = newReader(input)
	return false, err
}

// run reads, checks and writes batches, each of them while the next is read and
// checked.
func (im *importer) run(ctx context.Context) error {
	if im.opts.batchLines > 0 {
		im.reader.batchLines = im.opts.batchLines
	}
	group, groupCtx := errgroup.WithContext(ctx)
	read, checked := make(chan *batch), make(chan *batch)
	group.Go(func() error {
		// An input that gives nothing keeps nobody from stopping.
		end := make(chan error, 1)
		go func() { end <- im.read(groupCtx, read) }()
		select {
		case err := <-end:
			close(read)
			return err
		case <-groupCtx.Done():
			return groupCtx.Err()
		}
	})
	group.Go(func() error {
		defer close(checked)
		return receive(groupCtx, read, func(b *batch) error {
			if err := b.check(groupCtx, im.opts); err != nil {
				return err
			}
			return send(groupCtx, checked, b)
		})
	})
	group.Go(func() error {
		return receive(groupCtx, checked, func(b *batch) error {
			return im.write(context.WithoutCancel(ctx), b) // one that has begun is finished
		})
	})
	err := group.Wait()
	if ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled)) {
		return ErrStopped
	}
	return err //nolint:wrapcheck // our own errors
}

// receive calls f for each batch until there are no more.
func receive(ctx context.Context, batches <-chan *batch, f func(*batch) error) error {
	for {
		select {
		case b, more := <-batches:
			if !more {
				return nil
			}
			if err := f(b); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (im *importer) read(ctx context.Context, batches chan<- *batch) error {
	for {
		b, err := im.reader.next(ctx)
		if err != nil {
			return err
		}
		if len(b.lines) == 0 {
			return nil
		}
		if err := send(ctx, batches, b); err != nil {
			return err
		}
	}
}

func send(ctx context.Context, batches chan<- *batch, b *batch) error {
	select {
	case batches <- b:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// write writes one batch, again if others have come in between.
func (im *importer) write(ctx context.Context, b *batch) error {
	const tries = 5
	whole := make([]*checkedLine, 0, len(b.checked))
	for _, c := range b.checked {
		if len(c.refusals) == 0 {
			whole = append(whole, c)
		}
	}
	for try := 1; ; try++ {
		var job storage.ImportJob
		err := im.writer.Batch(ctx, &im.job, func(tx *storage.ImportBatch) (err error) {
			job, err = im.decide(ctx, tx, b, whole)
			return err
		})
		if err == nil {
			im.job = job
			break
		}
		im.fresh = false
		if try == tries || !errors.Is(err, storage.ErrConflict) && !errors.Is(err, storage.ErrUnavailable) {
			return err
		}
	}
	im.state = State{Lines: im.job.Lines, Resumed: im.state.Resumed, ImportCounts: im.job.ImportCounts, ReadBytes: b.rawBytes}
	if im.opts.Progress != nil {
		im.opts.Progress(im.state)
	}
	return nil
}

// decide writes the lines of a batch that can be taken, of those that are whole, and
// gives how far the import has come by that.
func (im *importer) decide(ctx context.Context, tx *storage.ImportBatch, b *batch, whole []*checkedLine) (storage.ImportJob, error) {
	job := im.job
	j, err := im.judge(ctx, tx, whole)
	if err != nil {
		return job, err
	}
	var refusals []Refusal
	for _, c := range b.checked {
		refusals = append(refusals, c.refusals...)
		if len(c.refusals) > 0 {
			job.Refused++
		}
	}
	if err := im.hash(ctx, j); err != nil {
		return job, err
	}
	notSet, err := im.passwordsNotSet(ctx, tx, j)
	if err != nil {
		return job, err
	}
	counts, err := im.store(ctx, tx, j)
	if err != nil {
		return job, err
	}
	job.PasswordsNotSet += notSet
	job.Created += counts.Created
	job.Updated += counts.Updated
	job.Unchanged += counts.Unchanged
	job.OffsetBytes, job.Lines, job.ReadSHA256 = b.offset, b.last, b.readSHA256
	if job.ReportBytes, err = im.opts.Report.write(job.ReportBytes, refusals); err != nil {
		return job, err
	}
	if im.opts.DryRun {
		return job, nil
	}
	return job, errors.Join(im.tell(ctx, tx, counts), tx.SaveProgress(ctx, job))
}

// judge decides which lines are taken.
func (im *importer) judge(ctx context.Context, tx *storage.ImportBatch, whole []*checkedLine) (*judge, error) {
	list, err := im.findings(ctx, tx, whole)
	if err != nil {
		return nil, err
	}
	findings := make(map[int64]storage.ImportFinding, len(list))
	for _, found := range list {
		findings[found.Line] = found
	}
	j := &judge{taken: make(map[key]bool, 4*len(whole))}
	if im.opts.DryRun {
		if err := j.remember(ctx, tx, whole, findings); err != nil {
			return nil, err
		}
	}
	for _, c := range whole {
		j.decide(c, findings[c.Line])
	}
	return j, nil
}

// findings asks what the database knows of a batch. Whatever is unique there, and a sub
// of somebody who is gone, conflicts with a line that it knows when that is written.
func (im *importer) findings(ctx context.Context, tx *storage.ImportBatch, whole []*checkedLine) ([]storage.ImportFinding, error) {
	if im.fresh && !im.opts.DryRun {
		return nil, nil
	}
	list, err := tx.Findings(ctx, importLines(whole))
	im.fresh = len(list) == 0
	return list, err
}

// importLines are the lines as they are written.
func importLines(checked []*checkedLine) []*storage.ImportLine {
	lines := make([]*storage.ImportLine, len(checked))
	for i, c := range checked {
		lines[i] = c.ImportLine
	}
	return lines
}

// remember takes from the database which keys lines of earlier batches have taken: a
// dry run leaves no consumers there.
func (j *judge) remember(ctx context.Context, tx *storage.ImportBatch, lines []*checkedLine, findings map[int64]storage.ImportFinding) error {
	var (
		keys  []key
		texts []string
	)
	for _, c := range lines {
		for _, k := range c.keys(findings[c.Line].ConsumerID) {
			keys, texts = append(keys, k), append(texts, k.text())
		}
	}
	seen, err := tx.Seen(ctx, texts)
	if err != nil {
		return err
	}
	for i, k := range keys {
		if seen[texts[i]] {
			j.taken[k] = true
		}
	}
	return nil
}

// store writes what was decided, or only counts and remembers it.
func (im *importer) store(ctx context.Context, tx *storage.ImportBatch, j *judge) (storage.ImportCounts, error) {
	var fresh, known []*storage.ImportLine
	for _, c := range j.accepted {
		if c.Consumer.ID == 0 {
			fresh = append(fresh, c.ImportLine)
		} else {
			known = append(known, c.ImportLine)
		}
	}
	counts := storage.ImportCounts{Created: int64(len(fresh))}
	var err error
	if im.opts.DryRun {
		if err = j.keep(ctx, tx); err == nil {
			counts.Updated, err = tx.CountChanged(ctx, known, im.opts.ResetPasswords)
		}
	} else {
		if err = tx.Insert(ctx, fresh); err == nil {
			counts.Updated, err = tx.Update(ctx, known, im.opts.ResetPasswords)
		}
	}
	counts.Unchanged = int64(len(known)) - counts.Updated
	return counts, err
}

// keep has the database remember the keys that are taken.
func (j *judge) keep(ctx context.Context, tx *storage.ImportBatch) error {
	texts := make([]string, 0, len(j.taken))
	for k := range j.taken {
		texts = append(texts, k.text())
	}
	return tx.See(ctx, texts)
}
