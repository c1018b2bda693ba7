package wire

// EndPoint is one listener of a broker or controller.
type EndPoint struct {
	Name             string // listener name: PLAINTEXT, CONTROLLER
	Host             string
	Port             uint16
	SecurityProtocol int16 // 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL
}

func (e *EndPoint) code(c *coder) {
	text(c, &e.Name)
	text(c, &e.Host)
	u16(c, &e.Port)
	u16(c, &e.SecurityProtocol)
	c.end()
}

const endPointLeast = 1 + 1 + 2 + 2 + 1 // bytes

// FeatureRange is a feature with the levels that a node supports, from the lowest to the highest, both included.
type FeatureRange struct {
	Name     string
	Min, Max int16
}

func (f *FeatureRange) code(c *coder) {
	text(c, &f.Name)
	u16(c, &f.Min)
	u16(c, &f.Max)
	c.end()
}

const featureRangeLeast = 1 + 2 + 2 + 1 // bytes

func endPoints(c *coder, v *[]EndPoint) {
	list(c, v, endPointLeast, func(c *coder, e *EndPoint) { e.code(c) })
}

func featureRanges(c *coder, v *[]FeatureRange) {
	list(c, v, featureRangeLeast, func(c *coder, f *FeatureRange) { f.code(c) })
}

// RegisterBrokerRecord registers an incarnation of a broker (key 0). The offset of this record in the metadata log is
// the broker epoch of the incarnation.
//
// Version 1 added InControlledShutdown (KIP-841), version 2 added IsMigratingZkBroker (KIP-866), version 3 added
// LogDirs (KIP-858), and version 4 added CordonedLogDirs (KIP-1066).
type RegisterBrokerRecord struct {
	Version              int16
	BrokerID             NodeID
	IsMigratingZkBroker  bool // since 2
	IncarnationID        UUID
	BrokerEpoch          BrokerEpoch
	EndPoints            []EndPoint
	Features             []FeatureRange
	Rack                 *string // nil if the broker has none
	Fenced               bool
	InControlledShutdown bool   // since 1
	LogDirs              []UUID // since 3: the broker's available directories
	CordonedLogDirs      []UUID // since 4: directories that get no new replicas; nil before a heartbeat has reported them
}

// ApiKey returns 0.
func (*RegisterBrokerRecord) ApiKey() int16 { return 0 }

func (r *RegisterBrokerRecord) code(c *coder) {
	c.version(&r.Version, 4)
	i32(c, &r.BrokerID)
	if c.since(2, r.IsMigratingZkBroker) {
		boolean(c, &r.IsMigratingZkBroker)
	}
	id(c, &r.IncarnationID)
	i64(c, &r.BrokerEpoch)
	endPoints(c, &r.EndPoints)
	featureRanges(c, &r.Features)
	nullable(c, &r.Rack)
	boolean(c, &r.Fenced)
	if c.since(1, r.InControlledShutdown) {
		boolean(c, &r.InControlledShutdown)
	}
	if c.tag(3, 0, len(r.LogDirs) > 0) {
		list(c, &r.LogDirs, 16, id[UUID])
	}
	if c.tag(4, 1, r.CordonedLogDirs != nil) {
		listOrNull(c, &r.CordonedLogDirs, 16, id[UUID])
	}
	c.end()
}

// BrokerRegistrationChangeRecord changes a broker's registration (key 17).
//
// Version 1 added InControlledShutdown (KIP-841), version 2 added LogDirs (KIP-858), and version 3 added
// CordonedLogDirs (KIP-1066).
type BrokerRegistrationChangeRecord struct {
	Version              int16
	BrokerID             NodeID
	BrokerEpoch          BrokerEpoch // must be that of the registration
	Fenced               int8        // -1 unfenced, 0 no change, 1 fenced
	InControlledShutdown int8        // since 1: 0 no change, 1 in controlled shutdown
	LogDirs              []UUID      // since 2: the available directories; empty means no change
	CordonedLogDirs      []UUID      // since 3: nil means no change
}

// ApiKey returns 17.
func (*BrokerRegistrationChangeRecord) ApiKey() int16 { return 17 }

func (r *BrokerRegistrationChangeRecord) code(c *coder) {
	c.version(&r.Version, 3)
	i32(c, &r.BrokerID)
	i64(c, &r.BrokerEpoch)
	if c.tag(0, 0, r.Fenced != 0) {
		u8(c, &r.Fenced)
	}
	if c.tag(1, 1, r.InControlledShutdown != 0) {
		u8(c, &r.InControlledShutdown)
	}
	if c.tag(2, 2, len(r.LogDirs) > 0) {
		list(c, &r.LogDirs, 16, id[UUID])
	}
	if c.tag(3, 3, r.CordonedLogDirs != nil) {
		listOrNull(c, &r.CordonedLogDirs, 16, id[UUID])
	}
	c.end()
}

// UnregisterBrokerRecord removes a broker's registration (key 1).
type UnregisterBrokerRecord struct {
	BrokerID    NodeID
	BrokerEpoch BrokerEpoch
}

// ApiKey returns 1.
func (*UnregisterBrokerRecord) ApiKey() int16 { return 1 }

func (r *UnregisterBrokerRecord) code(c *coder) {
	c.version(nil, 0)
	i32(c, &r.BrokerID)
	i64(c, &r.BrokerEpoch)
	c.end()
}

// FenceBrokerRecord fences a broker (key 7). Controllers wrote it before metadata.version 3.3-IV2. Since that version
// they write BrokerRegistrationChangeRecord instead.
type FenceBrokerRecord struct {
	ID    NodeID
	Epoch BrokerEpoch
}

// ApiKey returns 7.
func (*FenceBrokerRecord) ApiKey() int16 { return 7 }

func (r *FenceBrokerRecord) code(c *coder) {
	c.version(nil, 0)
	i32(c, &r.ID)
	i64(c, &r.Epoch)
	c.end()
}

// UnfenceBrokerRecord unfences a broker (key 8). Since metadata.version 3.3-IV2, controllers write
// BrokerRegistrationChangeRecord instead.
type UnfenceBrokerRecord struct {
	ID    NodeID
	Epoch BrokerEpoch
}

// ApiKey returns 8.
func (*UnfenceBrokerRecord) ApiKey() int16 { return 8 }

func (r *UnfenceBrokerRecord) code(c *coder) {
	c.version(nil, 0)
	i32(c, &r.ID)
	i64(c, &r.Epoch)
	c.end()
}

// RegisterControllerRecord registers an incarnation of a controller (key 27, KIP-919).
type RegisterControllerRecord struct {
	ControllerID     NodeID
	IncarnationID    UUID
	ZkMigrationReady bool
	EndPoints        []EndPoint
	Features         []FeatureRange
}

// ApiKey returns 27.
func (*RegisterControllerRecord) ApiKey() int16 { return 27 }

func (r *RegisterControllerRecord) code(c *coder) {
	c.version(nil, 0)
	i32(c, &r.ControllerID)
	id(c, &r.IncarnationID)
	boolean(c, &r.ZkMigrationReady)
	endPoints(c, &r.EndPoints)
	featureRanges(c, &r.Features)
	c.end()
}

// UnregisterControllerRecord removes a controller's registration (key 29, since Kafka 4.4).
type UnregisterControllerRecord struct {
	ControllerID NodeID
}

// ApiKey returns 29.
func (*UnregisterControllerRecord) ApiKey() int16 { return 29 }

func (r *UnregisterControllerRecord) code(c *coder) {
	c.version(nil, 0)
	i32(c, &r.ControllerID)
	c.end()
}
