// SPDX-FileCopyrightText: The e-coupon consortium authors
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// patch replaces texts in files of a module that Fabric is built with. Each text
// must be there exactly once: another version of the module needs another look.
type patch struct {
	module string
	edits  []edit
}

type edit struct{ file, old, new string }

// patches are built into Fabric's programs.
//
// SmartBFT's controller hands a decision to the application and then waits for
// the view that made it to take note. A view that has been aborted meanwhile
// takes no note, and the controller stands still for ever: the orderer takes
// part in nothing until it is restarted, and two such orderers of four stop
// the channel. Upstream knows of it (its pull request 681).
//
// An orderer that complained of its leader alone, as when it had missed messages,
// goes on complaining whatever the leader does: every second it calls for
// another view and synchronises, in which it takes part in nothing, and its pool's
// timers stand still. When one of the others is lost, it is needed, and is away.
// A decision since the complaint ends it: the leader works, and whoever still waits
// for something complains anew.
//
// Fabric's orderer writes a decided block in the background, and may be told to
// synchronise with others before that is done. It then takes the height of its
// ledger for where to begin, fetches the very block that is being written, and
// ends in a panic as it cannot append it once more ("block number should have
// been 8 but was 7"). A block that is there by then is left out: the orderers
// have agreed on it. Upstream has had the synchroniser's own writes wait for one
// another (its pull request 5081), but not for these.
//
// A peer that endorses hands private data to its organisation's other peers, and
// waits for that. When one of them has gone, a few dozen messages to it wait for
// one another at a lock, and each in turn tries to connect, in vain, for as long
// as dialTimeout: endorsements stand still for up to 6 s. Who has waited while
// somebody else tried now shares the outcome.
//
// Fabric opens its databases with all defaults, which do not suit keys that are
// random. Databases that were made with the defaults are read as before.
//
// Nearly every key that a redemption looks up is not there yet. Without a filter
// each such look searches a table of every level; with 10 bits for each key it is
// a few microseconds whatever the number of coupons. Filters and indexes are to
// stay in the cache: it is larger, has room for more open tables, and buffers are
// not taken from a pool, which hands out some that are far too large for what is
// cached in them.
//
// A table that looks have passed over some hundred times without success is merged
// with the next level, which is every new table within a second: each 8 MiB that
// are written were merged at once with all of the first level, by several peers at
// the same time. With filters there is no reason to. Then four tables of the size of
// the memory, rather than a quarter of that, are merged with a first level that is
// not much larger than they are (ten times what the setting says).
//
// All peers merge the same at the same time, as fast as the processors allow, while
// customers wait. Merges have time: the next is due some hundred thousand entries
// later. So they work for one part of seventeen of the time, of five when one more
// table has come meanwhile than those that are merged, and all the time when two have,
// as when a peer catches up.
var patches = []patch{{
	module: "github.com/hyperledger-labs/SmartBFT",
	edits: []edit{{
		file: filepath.Join("internal", "bft", "controller.go"),
		old:  "\tcase c.deliverChan <- struct{}{}:\n\tcase <-c.stopChan:\n\t\treturn\n\t}\n",
		new:  "\tcase c.deliverChan <- struct{}{}:\n\tcase <-c.currentViewAbortChan():\n\tcase <-c.stopChan:\n\t\treturn\n\t}\n",
	}, {
		file: viewChangerFile,
		old:  "\tstartViewChangeTime time.Time\n",
		new:  "\tstartViewChangeTime time.Time\n\tstartViewChangeSeq  uint64\n",
	}, {
		file: viewChangerFile,
		old:  "\tv.startViewChangeTime = v.lastTick\n",
		new:  "\tv.startViewChangeTime = v.lastTick\n\tv.startViewChangeSeq, _ = v.extractCurrentSequence()\n",
	}, {
		file: viewChangerFile,
		old:  "\tv.StartViewChange(v.currView, false) // don't stop the view, the sync maybe created a good view\n",
		new: "\tif seq, _ := v.extractCurrentSequence(); v.currView == v.realView && seq > v.startViewChangeSeq {\n" +
			"\t\tv.informNewView(v.currView)\n\t\treturn true\n\t}\n" +
			"\tv.StartViewChange(v.currView, false)\n",
	}},
}, {
	module: fabricModule,
	edits: []edit{{
		file: filepath.Join("orderer", "common", "multichannel", "blockwriter.go"),
		old:  "\tbw.committingBlock.Lock()\n\tbw.lastBlock = block\n\n\tdefer bw.committingBlock.Unlock()\n",
		new: "\tbw.committingBlock.Lock()\n\tdefer bw.committingBlock.Unlock()\n" +
			"\tif block.Header.Number < bw.support.Height() {\n\t\treturn\n\t}\n\tbw.lastBlock = block\n",
	}, {
		file: connectionsFile,
		old:  "map[string]*sync.Mutex // mapping between pkiIDs and locks,\n",
		new:  "map[string]*destination // mapping between pkiIDs and locks,\n",
	}, {
		file: connectionsFile,
		old:  "func newConnStore(",
		new:  "type destination struct {\n\tsync.Mutex\n\tfailed error\n}\n\nfunc newConnStore(",
	}, {
		file: connectionsFile,
		old:  "make(map[string]*sync.Mutex),\n",
		new:  "make(map[string]*destination),\n",
	}, {
		file: connectionsFile,
		old:  "destinationLock = &sync.Mutex{}\n",
		new:  "destinationLock = &destination{}\n",
	}, {
		file: connectionsFile,
		old:  "\tdestinationLock.Lock()\n",
		new: "\tdestinationLock.Lock()\n" +
			"\tif err := destinationLock.failed; err != nil {\n\t\tdestinationLock.Unlock()\n\t\treturn nil, err\n\t}\n",
	}, {
		file: connectionsFile,
		old:  "\tcreatedConnection, err := cs.connFactory.createConnection(endpoint, pkiID)\n",
		new: "\tcreatedConnection, err := cs.connFactory.createConnection(endpoint, pkiID)\n" +
			"\tdestinationLock.failed = err\n",
	}},
}, {
	module: "github.com/syndtr/goleveldb",
	edits: []edit{{
		file: filepath.Join("leveldb", "options.go"),
		old:  "\tif filter := o.GetFilter(); filter != nil {\n",
		new:  "\tno.Filter = &iFilter{filter.NewBloomFilter(10)}\n\tif filter := o.GetFilter(); filter != nil {\n",
	}, {
		file: databaseFile,
		old:  "\treturn o.DisableSeeksCompaction\n",
		new:  "\treturn true\n",
	}, {
		file: databaseFile,
		old:  "\treturn o.DisableBufferPool\n",
		new:  "\treturn true\n",
	}, {
		file: filepath.Join("leveldb", "opt", "options_default.go"),
		old:  "\tDefaultOpenFilesCacheCapacity = 500\n",
		new:  "\tDefaultOpenFilesCacheCapacity = 4000\n",
	}, {
		file: databaseFile,
		old:  "\tDefaultBlockCacheCapacity            = 8 * MiB\n",
		new:  "\tDefaultBlockCacheCapacity            = 128 * MiB\n",
	}, {
		file: databaseFile,
		old:  "\tDefaultWriteBuffer                   = 4 * MiB\n",
		new:  "\tDefaultWriteBuffer                   = 16 * MiB\n",
	}, {
		file: databaseFile,
		old:  "\tDefaultCompactionTotalSize           = 10 * MiB\n",
		new:  "\tDefaultCompactionTotalSize           = 6 * MiB\n",
	}, {
		file: mergeFile,
		old:  "\ttw *tWriter\n}\n",
		new:  "\ttw *tWriter\n\n\tawake  time.Time\n\tmerged int\n}\n",
	}, {
		file: mergeFile,
		old:  "\titer := b.c.newIterator()\n",
		new:  "\tb.awake = time.Now()\n\titer := b.c.newIterator()\n",
	}, {
		file: mergeFile,
		old:  "\t\t// Incr transact counter.\n\t\tcnt.incr()\n",
		new: "\t\tcnt.incr()\n" +
			"\t\tif b.merged += len(iter.Key()) + len(iter.Value()); b.merged >= 32*opt.KiB {\n" +
			"\t\t\tb.rest()\n\t\t}\n",
	}, {
		file: mergeFile,
		old:  "func (b *tableCompactionBuilder) revert() error {\n",
		new: "func (b *tableCompactionBuilder) rest() {\n" +
			"\tif b.db == nil {\n\t\treturn\n\t}\n" +
			"\tworked, share := time.Since(b.awake), time.Duration(16)\n" +
			"\tif worked > 10*time.Millisecond {\n\t\tworked = 10 * time.Millisecond\n\t}\n" +
			"\tswitch more := b.s.tLen(0) - b.s.o.GetCompactionL0Trigger(); {\n" +
			"\tcase more > 1:\n\t\tshare = 0\n" +
			"\tcase more == 1:\n\t\tshare = 4\n\t}\n" +
			"\tselect {\n" +
			"\tcase <-time.After(share * worked):\n" +
			"\tcase <-b.db.closeC:\n\t}\n" +
			"\tb.awake, b.merged = time.Now(), 0\n}\n\n" +
			"func (b *tableCompactionBuilder) revert() error {\n",
	}},
}}

var (
	connectionsFile = filepath.Join("gossip", "comm", "conn.go")
	viewChangerFile = filepath.Join("internal", "bft", "viewchanger.go")
	databaseFile    = filepath.Join("leveldb", "opt", "options.go")
	mergeFile       = filepath.Join("leveldb", "db_compaction.go")
)

// apply returns the patched text of a file.
func (e edit) apply(source []byte) ([]byte, error) {
	if n := bytes.Count(source, []byte(e.old)); n != 1 {
		return nil, fmt.Errorf("%s: the text to replace is there %d times", e.file, n)
	}
	return bytes.Replace(source, []byte(e.old), []byte(e.new), 1), nil
}

// patched writes into dir the module's go.mod and go.sum, and the patched
// sources that go.mod there replaces the originals with. It returns the file to
// build with.
func patched(ctx context.Context, module, dir string, all []patch) (string, error) {
	text, err := os.ReadFile(filepath.Join(module, "go.mod"))
	if err != nil {
		return "", fmt.Errorf("patching Fabric: %w", err)
	}
	for i, p := range all {
		original, err := sourcesOf(ctx, module, p.module)
		if err != nil {
			return "", err
		}
		sources := filepath.Join(dir, fmt.Sprintf("patched-%d", i))
		if err := p.write(original, sources); err != nil {
			return "", err
		}
		text = fmt.Appendf(text, "\nreplace %s => %s\n", p.module, sources)
	}
	sums, err := os.ReadFile(filepath.Join(module, "go.sum"))
	if err != nil {
		return "", fmt.Errorf("patching Fabric: %w", err)
	}
	file := filepath.Join(dir, "go.mod")
	if err := errors.Join(writeFile(file, text, 0o600), writeFile(filepath.Join(dir, "go.sum"), sums, 0o600)); err != nil {
		return "", fmt.Errorf("patching Fabric: %w", err)
	}
	return file, nil
}

// write copies the module's sources and patches the copy.
func (p patch) write(original, sources string) error {
	if err := os.RemoveAll(sources); err != nil {
		return fmt.Errorf("patching %s: %w", p.module, err)
	}
	if err := os.CopyFS(sources, os.DirFS(original)); err != nil {
		return fmt.Errorf("patching %s: %w", p.module, err)
	}
	for _, e := range p.edits {
		path := filepath.Join(sources, e.file)
		source, err := os.ReadFile(path)
		if err == nil {
			source, err = e.apply(source)
		}
		if err == nil {
			err = writeFile(path, source, 0o600)
		}
		if err != nil {
			return fmt.Errorf("patching %s: %w", p.module, err)
		}
	}
	return nil
}

// sourcesOf returns where the sources of a module are that another one asks
// for, and fetches them if need be.
func sourcesOf(ctx context.Context, module, dependency string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", dependency)
	cmd.Dir, cmd.Env = module, append(os.Environ(), "GOWORK=off")
	said, err := cmd.Output()
	var answer struct{ Dir string }
	if err == nil {
		err = json.Unmarshal(said, &answer)
	}
	if err != nil {
		return "", fmt.Errorf("finding %s: %w: %s", dependency, err, said)
	}
	return answer.Dir, nil
}
