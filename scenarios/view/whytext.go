package view

import (
	"fmt"
	"strings"
)

// Text returns the chain as text, at most 80 columns wide, in the columns of a story:
//
//	step      time  node
//	  16   17.632s  b3  leads orders-0 in epoch 2 without offset 0 ("a" of p1)
//	Why does b3 not have it?
//	  11    9.622s  b3  truncates its log from 1 to 0: to its own high watermark
func (c *Chain) Text() string {
	var b strings.Builder
	b.WriteString(" step      time  node\n")
	for _, l := range c.Links {
		if l.Question != "" {
			b.WriteString(fill(clean(l.Question), " ", "   ") + "\n")
		}
		step, who := "", clean(l.Machine)
		if l.Step > 0 {
			step = fmt.Sprint(l.Step)
		}
		switch l.Kind {
		case LinkFault:
			step, who = "", "  >" // as a story shows a line of the scenario
		case LinkPrice:
			who = "  ="
		case LinkRule:
			step, who = "", "  !"
		}
		head := fmt.Sprintf("%5s %9s  %-3s ", step, Seconds(l.Time), who)
		if l.Kind == LinkRule || l.Kind == LinkPrice {
			head = fmt.Sprintf("%5s %9s  %-3s ", "", "", who)
		}
		b.WriteString(fill(clean(l.Sentence), head, strings.Repeat(" ", len(head))) + "\n")
	}
	return b.String()
}
