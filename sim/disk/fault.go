package disk

import (
	"fmt"
	glob "path"
	"slices"
	"strings"

	"samsa/sim/env"
)

// These are the faults of a disk. The methods below, such as FailOnce, arm faults on demand; Noise starts faults by
// chance.
var (
	FaultError       = Fault{"disk.error", "a call fails with an input/output error and does nothing"}
	FaultBroken      = Fault{"disk.broken", "calls fail with an input/output error until the disk is healed"}
	FaultFull        = Fault{"disk.full", "a write finds no room; what fits is written"}
	FaultShort       = Fault{"disk.short-write", "a write fails after a prefix was written"}
	FaultSlow        = Fault{"disk.slow", "calls take longer"}
	FaultStalled     = Fault{"disk.stalled", "calls do not end before the stall does"}
	FaultSyncLies    = Fault{"disk.sync-lies", "a sync succeeds and makes nothing durable"}
	FaultSyncForgets = Fault{"disk.sync-forgets", "a sync fails once and the dirty pages count as clean: the next one succeeds without them"}
	FaultBitRot      = Fault{"disk.bit-rot", "a stored bit flips; only a checksum can tell"}
	FaultMisdirected = Fault{"disk.misdirected", "a write reaches the device at another place, over what was there"}
	FaultLostWrite   = Fault{"disk.lost-write", "a write never reaches the device, whatever a sync says"}
	FaultTorn        = Fault{"disk.torn", "power loss leaves a part of what a file had unsynced"}
	FaultKept        = Fault{"disk.kept", "power loss leaves all that a file had unsynced"}
	FaultStale       = Fault{"disk.stale", "power loss leaves stale bytes where a file grew"}
	FaultNames       = Fault{"disk.names", "power loss leaves some unsynced creates, renames and removes"}
)

// Faults lists the faults of a disk. A campaign reports the faults of this list that never fired.
func Faults() []Fault {
	return []Fault{
		FaultError, FaultBroken, FaultFull, FaultShort, FaultSlow, FaultStalled, FaultSyncLies,
		FaultSyncForgets, FaultBitRot, FaultMisdirected, FaultLostWrite, FaultTorn, FaultKept,
		FaultStale, FaultNames,
	}
}

// Calls is a set of kinds of calls.
type Calls uint8

const (
	OnRead  Calls = 1 << iota // ReadAt, List
	OnWrite                   // Append, WriteAt, Truncate
	OnSync                    // Sync, Flush, SyncDir
	OnNames                   // Mkdir, Open, Rename, Remove
	OnAny   = OnRead | OnWrite | OnSync | OnNames
)

// Noise has the probabilities of random faults, in ppm. In each 10 ms of true time, a fault is drawn only at the first call
// that it could hit. So an added or removed call changes no other decision.
type Noise struct {
	ReadError, WriteError, SyncError, NamesError uint32 // FaultError
	Broken                                       uint32 // FaultBroken, of one file
	Full                                         uint32 // FaultFull, of one write
	Short                                        uint32
	SyncLies, SyncForgets                        uint32 // of one sync
	LostWrite, Misdirected                       uint32 // of one write
	BitRot                                       uint32 // in a file that is read
	Slow                                         uint32 // 20 to 640 ms at a tenth of the speed
	Stall                                        uint32 // 50 to 1600 ms
	Torn                                         uint32 // at a power loss, for each file and directory: some unsynced changes survive
}

// noiseSite numbers the decisions of Noise.
type noiseSite uint8

const (
	noiseRead noiseSite = iota
	noiseWrite
	noiseSync
	noiseNames
	noiseBroken
	noiseFull
	noiseShort
	noiseLies
	noiseForgets
	noiseLost
	noiseMisdirected
	noiseRot
	noiseSlow
	noiseStall
	noiseSites
)

// site returns the name of the decision in a scenario.
func (n noiseSite) site() env.Site { return noiseSiteNames()[n] }

// noiseSiteNames returns the sites of Noise, indexed by noiseSite.
func noiseSiteNames() [noiseSites]env.Site {
	return [...]env.Site{"disk.read.error", "disk.write.error", "disk.sync.error", "disk.names.error", "disk.broken",
		"disk.full", "disk.short-write", "disk.sync-lies", "disk.sync-forgets", "disk.lost-write", "disk.misdirected",
		"disk.bit-rot", "disk.slow", "disk.stalled"}
}

// Sites returns the names of all random decisions of a disk.
func Sites() []env.Site {
	noise := noiseSiteNames()
	return append(noise[:], "disk.power.names", "disk.power.file", "disk.power.length", "disk.power.between", "disk.power.cut", "disk.power.unit")
}

const noiseTick = Time(10 * env.Millisecond)

// armed is a fault that waits for a call. Only the oldest armed fault that matches a call strikes, because two faults
// of one call would hide each other.
type armed struct {
	fault   Fault
	ops     Calls
	pattern string
	forever bool   // the fault strikes every matching call until Heal, and not only one
	to      string // FaultMisdirected: the file that is hit
	off     int64  // FaultMisdirected: the offset in that file
}

// harm is the effect of a fault on one call.
type harm struct {
	err    error
	short  uint64 // eighths of a write that are written before err; 0 means none
	lost   bool
	lied   bool
	forget bool
	target *inode // the file that the write hits on the device
	off    int64  // the offset in target
}

// FailOnce makes the next call of the kinds ops on a matching path fail with ErrIO. The pattern has the syntax of
// path.Match; a plain path also matches everything below it, and "" matches everything.
func (d *Disk) FailOnce(pattern string, ops Calls) {
	d.order(armed{fault: FaultError, ops: ops, pattern: pattern})
}

// Break makes every call of the kinds ops on a matching path fail until Heal. Break("", OnAny) is a dead disk under a live
// process.
func (d *Disk) Break(pattern string, ops Calls) {
	d.order(armed{fault: FaultBroken, ops: ops, pattern: pattern, forever: true})
}

// CutShort makes the next write fail with ErrIO after half of it was written.
func (d *Disk) CutShort(pattern string) {
	d.order(armed{fault: FaultShort, ops: OnWrite, pattern: pattern})
}

// LoseWrite keeps the bytes of the next write from reaching the device. Reads see them until the page cache is dropped.
func (d *Disk) LoseWrite(pattern string) {
	d.order(armed{fault: FaultLostWrite, ops: OnWrite, pattern: pattern})
}

// Misdirect does the same as LoseWrite. In addition, the bytes of the write overwrite bytes of another file on the
// device. The argument victim is the path of that file, and off is the offset in it.
func (d *Disk) Misdirect(pattern, victim string, off int64) {
	d.order(armed{fault: FaultMisdirected, ops: OnWrite, pattern: pattern, to: victim, off: off})
}

// ForgetOnSync makes the next sync of a file fail with ErrIO, and the file's dirty pages will never reach the device.
func (d *Disk) ForgetOnSync(pattern string) {
	d.order(armed{fault: FaultSyncForgets, ops: OnSync, pattern: pattern})
}

// LieOnce makes the next sync of a file or directory succeed without making anything durable.
func (d *Disk) LieOnce(pattern string) {
	d.order(armed{fault: FaultSyncLies, ops: OnSync, pattern: pattern})
}

// LieOnSync makes every sync succeed without making anything durable, until it is called with lie = false.
func (d *Disk) LieOnSync(lie bool) {
	d.host.Ordered("disk.lie", "", flag(lie))
	d.lies = lie
}

// SetCapacity sets the device's capacity in bytes. It may be smaller than the space in use.
func (d *Disk) SetCapacity(bytes int64) {
	d.host.Ordered("disk.capacity", "", bytes)
	d.capacity = bytes
}

// Fill leaves no free space until Heal, as if files of another process used it. Retention removes files of the node, but
// after Fill that frees no space. With a small capacity it would.
func (d *Disk) Fill() {
	d.host.Ordered("disk.fill", "")
	d.filled = true
}

// Slow multiplies the cost of calls by permille/1000.
func (d *Disk) Slow(permille int64) {
	d.host.Ordered("disk.slower", "", permille)
	d.slow = permille
}

// Delay adds extra to the cost of every call until Heal, and Slow does not multiply it. A sync pays the extra cost once, and
// the time that it takes on the device stays the same.
func (d *Disk) Delay(extra env.Duration) {
	d.host.Ordered("disk.delay", "", int64(extra))
	d.delay = extra
}

// Stall makes every call last at least until the given time.
func (d *Disk) Stall(until Time) {
	d.host.Ordered("disk.stall", "", int64(until))
	d.stall = until
}

// SetNoise replaces the probabilities of random faults.
func (d *Disk) SetNoise(n Noise) {
	d.host.Ordered("disk.noise", fmt.Sprint(n))
	d.suffer(n)
}

func (d *Disk) suffer(n Noise) {
	d.profile.Noise = n
	d.noisy = n != Noise{}
}

// Heal ends armed faults, slowness, stalls, lies and Fill. Destroyed bytes stay destroyed, and capacity and noise do not
// change.
func (d *Disk) Heal() {
	d.host.Ordered("disk.heal", "")
	d.armed, d.slow, d.delay, d.stall, d.lies, d.filled, d.slowUntil = nil, 1000, 0, 0, false, false, 0
}

// RotBit flips a bit of a file, both on the device and in the page cache, as if the page had been read again after the bit
// flipped. It returns ErrNotExist if the file has no byte at off.
func (d *Disk) RotBit(path string, off int64, bit uint8) error {
	d.host.Ordered("disk.rot", path, off, int64(bit))
	d.completeSyncs(d.host.Now())
	f := d.walk(path)
	if f == nil || f.dir || off < 0 || off >= f.cache.size {
		return env.ErrNotExist
	}
	d.rot(f, off, bit)
	return nil
}

func (d *Disk) rot(f *inode, off int64, bit uint8) {
	f.freeze() // the dirty log keeps the correct bytes, because only a stored bit rots
	f.cache.flip(off, bit)
	if off < f.device.size {
		f.device.flip(off, bit)
	}
	d.host.Activated(FaultBitRot)
}

// DropCache drops the clean pages of the page cache, so that reads see the bytes of the device. Without DropCache, a lost or
// misdirected write shows only after a power loss. Dirty pages stay, except those of lost writes, because the kernel
// considers the pages of lost writes clean.
func (d *Disk) DropCache() {
	d.host.Ordered("disk.drop-cache", "")
	d.completeSyncs(d.host.Now())
	d.each(func(f *inode) {
		f.freeze()
		seen := f.device.clone()
		for i := range f.dirty {
			f.dirty[i].apply(&seen)
		}
		f.cache = seen
	})
}

func (d *Disk) order(a armed) {
	d.host.Ordered(a.fault.Name, a.pattern+"\x00"+a.to, int64(a.ops), flag(a.forever), a.off)
	d.arm(a)
}

func (d *Disk) arm(a armed) { d.armed = append(d.armed, a) }

// matches reports whether a pattern matches a path.
func matches(pattern, name string) bool {
	if pattern == "" || pattern == name || strings.HasPrefix(name, pattern) && name[len(pattern)] == '/' {
		return true
	}
	ok, err := glob.Match(pattern, name)
	return ok && err == nil
}

// strike decides which fault hits a call on a file or directory.
func (d *Disk) strike(op Calls, node *inode) harm {
	h := struck(d, op, node)
	if h.err != nil {
		d.host.Refused(op)
	}
	return h
}

func struck(d *Disk, op Calls, node *inode) harm {
	if len(d.armed) == 0 && !d.noisy && !d.lies {
		return harm{}
	}
	for i, a := range d.armed {
		if a.ops&op == 0 || !matches(a.pattern, node.path) || node.dir && op == OnSync && a.fault == FaultSyncForgets {
			continue
		}
		// The fault is removed before it strikes, so a node that retries at once may succeed.
		if !a.forever {
			d.armed = slices.Delete(d.armed, i, i+1)
		}
		d.host.Activated(a.fault)
		return d.harmOf(a, 4)
	}
	// Armed faults come first, so that an armed error also strikes on a disk that lies.
	if op == OnSync && d.lies {
		d.host.Activated(FaultSyncLies)
		return harm{lied: true}
	}
	if d.noisy {
		if a, v := d.drawHarm(op, node); v > 0 {
			d.host.Activated(a.fault)
			return d.harmOf(a, v)
		}
	}
	return harm{}
}

// harmOf returns the effect of an armed fault on a call. The argument amount is the part of a write that succeeds, in
// eighths. For a fault that a method such as CutShort armed, it is half (4). For noise, it is random.
func (d *Disk) harmOf(a armed, amount uint64) harm {
	switch a.fault {
	case FaultShort:
		return harm{err: env.ErrIO, short: amount}
	case FaultFull:
		return harm{err: env.ErrNoSpace, short: amount}
	case FaultLostWrite:
		return harm{lost: true}
	case FaultMisdirected:
		return harm{lost: true, target: d.walk(a.to), off: a.off}
	case FaultSyncLies:
		return harm{lied: true}
	case FaultSyncForgets:
		return harm{err: env.ErrIO, forget: true}
	}
	return harm{err: env.ErrIO}
}

// drawHarm draws a random fault for a call, and returns it with the random value. The value 0 means that there is no fault.
func (d *Disk) drawHarm(op Calls, node *inode) (armed, uint64) {
	n := &d.profile.Noise
	switch op {
	case OnRead:
		if v := d.draw(noiseRead, n.ReadError, 2); v > 0 {
			return armed{fault: FaultError}, v
		}
	case OnNames:
		if v := d.draw(noiseNames, n.NamesError, 2); v > 0 {
			return armed{fault: FaultError}, v
		}
	case OnSync:
		if v := d.draw(noiseSync, n.SyncError, 2); v > 0 {
			return armed{fault: FaultError}, v
		}
		if v := d.draw(noiseLies, n.SyncLies, 2); v > 0 {
			return armed{fault: FaultSyncLies}, v
		}
		if node.dir {
			break
		}
		if v := d.draw(noiseForgets, n.SyncForgets, 2); v > 0 {
			return armed{fault: FaultSyncForgets}, v
		}
	case OnWrite:
		if v := d.draw(noiseWrite, n.WriteError, 2); v > 0 {
			return armed{fault: FaultError}, v
		}
		if v := d.draw(noiseFull, n.Full, 8); v > 0 {
			return armed{fault: FaultFull}, v
		}
		if v := d.draw(noiseShort, n.Short, 8); v > 0 {
			return armed{fault: FaultShort}, v
		}
		if v := d.draw(noiseLost, n.LostWrite, 2); v > 0 {
			return armed{fault: FaultLostWrite}, v
		}
		// A random misdirected write hits only its own file, at a sector boundary. A checksum detects such a hit too, and a
		// choice among all files would change whenever a file is created.
		if sectors := uint64(node.device.size / sector); sectors > 0 {
			if v := d.draw(noiseMisdirected, n.Misdirected, sectors+1); v > 0 {
				return armed{fault: FaultMisdirected, to: node.path, off: int64((v-1)%sectors) * sector}, v
			}
		}
	}
	if v := d.draw(noiseBroken, n.Broken, 2); v > 0 {
		a := armed{fault: FaultBroken, ops: OnAny, pattern: node.path, forever: true}
		d.arm(a)
		return a, v
	}
	return armed{}, 0
}

// draw makes a random decision at the first call of a tick, and returns 0 at later calls.
func (d *Disk) draw(n noiseSite, ppm uint32, values uint64) uint64 {
	if ppm == 0 {
		return 0
	}
	tick := uint64(d.host.Now() / noiseTick)
	if d.drawn[n] == tick+1 {
		return 0
	}
	// Decisions are numbered by time and not by calls, so that one more call does not change all later decisions.
	d.drawn[n] = tick + 1
	return d.host.Chance(n.site(), tick, ppm, values)
}

// weather begins slow and stalled periods by chance. These periods are drawn only at calls, as all noise is. So an unused
// disk is never slow.
func (d *Disk) weather() {
	now := d.host.Now()
	if v := d.draw(noiseSlow, d.profile.Noise.Slow, 33); v > 0 {
		d.slowUntil = now + Time(v)*Time(20*env.Millisecond)
	}
	if v := d.draw(noiseStall, d.profile.Noise.Stall, 33); v > 0 {
		d.stall = max(d.stall, now+Time(v)*Time(50*env.Millisecond))
	}
}

// rotSome flips a bit of a file by chance.
func (d *Disk) rotSome(f *inode) {
	if bits := uint64(f.cache.size) * 8; bits > 0 {
		if v := d.draw(noiseRot, d.profile.Noise.BitRot, bits+1); v > 0 {
			at := (v - 1) % bits
			d.rot(f, int64(at/8), uint8(at%8))
		}
	}
}

// hit overwrites the device's bytes at off with a write meant for another place.
func (f *inode) hit(off int64, p []byte) {
	if f == nil || f.dir || off < 0 || off >= f.device.size {
		return // the write hits a free block, so no file changes
	}
	f.device.write(off, p[:min(int64(len(p)), f.device.size-off)])
}

// room returns the free space in bytes.
func (d *Disk) room() int64 {
	if d.filled {
		return 0
	}
	return max(d.capacity-d.used, 0)
}

// called adds the current slowness and delay to the cost of a call.
func (d *Disk) called(cost env.Duration) env.Duration {
	if d.delay > 0 {
		d.host.Activated(FaultSlow)
	}
	return d.slowed(cost) + d.delay
}

// slowed returns a cost, multiplied by the current slowness.
func (d *Disk) slowed(cost env.Duration) env.Duration {
	permille := d.slow
	if d.slowUntil > 0 && d.host.Now() < d.slowUntil {
		// A random slow period multiplies the cost in addition to Slow.
		permille *= 10
	}
	if permille == 1000 || cost == 0 {
		return cost
	}
	d.host.Activated(FaultSlow)
	return cost * env.Duration(permille) / 1000
}

// outlast returns the end of a call that would end at t without a stall. The call does not end before the stall does. A
// stalled device is worse than a broken one, because its calls do not fail and the process waits.
func (d *Disk) outlast(t Time) Time {
	if t < d.stall {
		d.host.Activated(FaultStalled)
		return d.stall
	}
	return t
}

// pay keeps the lane busy for a call, and returns the time at which the call ends.
func (d *Disk) pay(cost env.Duration) Time {
	done := d.host.Spend(d.called(cost))
	if end := d.outlast(done); end > done {
		done = d.host.Spend(env.Duration(end - done))
	}
	return done
}
