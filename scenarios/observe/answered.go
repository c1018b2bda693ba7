package observe

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"samsa/check"
)

// forgotten returns the requests that running servers have neither answered nor refused. One server may have several.
func forgotten(o *observer) (all []check.Unanswered) {
	late, timeout := o.inside.Unanswered()
	for _, u := range late {
		all = append(all, check.Unanswered{
			Server: string(u.Server), From: string(u.Ticket.From), API: kmsg.NameForKey(u.Ticket.Key), Step: u.Step,
			Waits: check.Duration(o.world.Now() - u.Since), Timeout: check.Duration(timeout),
		})
	}
	return all
}
