package wire

// AccessControlEntryRecord adds one ACL (key 18). The numbers are those of Kafka's enums ResourceType, PatternType,
// AclOperation and AclPermissionType.
type AccessControlEntryRecord struct {
	ID             UUID
	ResourceType   int8
	ResourceName   string
	PatternType    int8
	Principal      string // "User:alice"
	Host           string
	Operation      int8
	PermissionType int8
}

// ApiKey returns 18.
func (*AccessControlEntryRecord) ApiKey() int16 { return 18 }

func (r *AccessControlEntryRecord) code(c *coder) {
	c.version(nil, 0)
	id(c, &r.ID)
	u8(c, &r.ResourceType)
	text(c, &r.ResourceName)
	u8(c, &r.PatternType)
	text(c, &r.Principal)
	text(c, &r.Host)
	u8(c, &r.Operation)
	u8(c, &r.PermissionType)
	c.end()
}

// RemoveAccessControlEntryRecord removes an ACL (key 19).
type RemoveAccessControlEntryRecord struct {
	ID UUID
}

// ApiKey returns 19.
func (*RemoveAccessControlEntryRecord) ApiKey() int16 { return 19 }

func (r *RemoveAccessControlEntryRecord) code(c *coder) {
	c.version(nil, 0)
	id(c, &r.ID)
	c.end()
}

// DelegationTokenRecord issues or renews a delegation token (key 10, KIP-900).
type DelegationTokenRecord struct {
	Owner               string
	Requester           string
	Renewers            []string // principals
	IssueTimestamp      Timestamp
	MaxTimestamp        Timestamp // the token cannot be renewed beyond this time
	ExpirationTimestamp Timestamp // the token expires at this time unless it is renewed before
	TokenID             string
}

// ApiKey returns 10.
func (*DelegationTokenRecord) ApiKey() int16 { return 10 }

func (r *DelegationTokenRecord) code(c *coder) {
	c.version(nil, 0)
	text(c, &r.Owner)
	text(c, &r.Requester)
	list(c, &r.Renewers, 1, text)
	i64(c, &r.IssueTimestamp)
	i64(c, &r.MaxTimestamp)
	i64(c, &r.ExpirationTimestamp)
	text(c, &r.TokenID)
	c.end()
}

// RemoveDelegationTokenRecord removes a delegation token (key 26).
type RemoveDelegationTokenRecord struct {
	TokenID string
}

// ApiKey returns 26.
func (*RemoveDelegationTokenRecord) ApiKey() int16 { return 26 }

func (r *RemoveDelegationTokenRecord) code(c *coder) {
	c.version(nil, 0)
	text(c, &r.TokenID)
	c.end()
}

// UserScramCredentialRecord sets a user's SCRAM credential (key 11, KIP-900).
type UserScramCredentialRecord struct {
	Name       string
	Mechanism  int8 // 1 SCRAM-SHA-256, 2 SCRAM-SHA-512
	Salt       []byte
	StoredKey  []byte
	ServerKey  []byte
	Iterations int32
}

// ApiKey returns 11.
func (*UserScramCredentialRecord) ApiKey() int16 { return 11 }

func (r *UserScramCredentialRecord) code(c *coder) {
	c.version(nil, 0)
	text(c, &r.Name)
	u8(c, &r.Mechanism)
	octets(c, &r.Salt)
	octets(c, &r.StoredKey)
	octets(c, &r.ServerKey)
	i32(c, &r.Iterations)
	c.end()
}

// RemoveUserScramCredentialRecord removes a user's SCRAM credential (key 22).
type RemoveUserScramCredentialRecord struct {
	Name      string
	Mechanism int8
}

// ApiKey returns 22.
func (*RemoveUserScramCredentialRecord) ApiKey() int16 { return 22 }

func (r *RemoveUserScramCredentialRecord) code(c *coder) {
	c.version(nil, 0)
	text(c, &r.Name)
	u8(c, &r.Mechanism)
	c.end()
}
