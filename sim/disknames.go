package sim

import "samsa/sim/disk"

// Names of sim/disk that other packages still call by their old names.
type (
	Disk        = disk.Disk
	DiskProfile = disk.Profile
	DiskNoise   = disk.Noise
	DiskFile    = disk.File
	DiskOps     = disk.Calls
	DiskOp      = disk.Op
	DiskChange  = disk.Change
)

// Likewise.
const (
	OnRead       = disk.OnRead
	OnWrite      = disk.OnWrite
	OnSync       = disk.OnSync
	OnNames      = disk.OnNames
	OnAny        = disk.OnAny
	DiskWrite    = disk.OpWrite
	DiskTruncate = disk.OpTruncate
	DiskSync     = disk.OpSync
	DiskRename   = disk.OpRename
	DiskRemove   = disk.OpRemove
)

// NewDisk is disk.New.
func NewDisk(p disk.Profile) *disk.Disk { return disk.New(p) }

// CommonDisk is disk.CloudVolume.
func CommonDisk() disk.Profile { return disk.CloudVolume() }
