package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"samsa/scenarios"
	"samsa/scenarios/speed"
)

// doctorReport is the object that `samsa doctor speed --json` prints, samsa.doctor/1. New versions may add fields but never
// remove one.
type doctorReport struct {
	Schema string `json:"schema"`
	Build  string `json:"build"`

	KernelEventsPerSecond float64       `json:"kernel_events_per_second"`
	Clusters              []clusterPace `json:"clusters"`
	Seeds                 seedPace      `json:"seeds"`
	Interrupted           bool          `json:"interrupted,omitempty"`
}

// clusterPace is the speed of a cluster under a load.
type clusterPace struct {
	Rate            int     `json:"batches_per_virtual_second"`
	XReal           float64 `json:"x_real_time"`
	XRealPerMillion float64 `json:"x_real_time_per_million_kernel_events"`
	EventsPerSecond float64 `json:"events_per_second"`
}

// seedPace is the speed of samsa explore. Two of its rates count every 10,000 events as one seed, because seeds differ in
// length.
type seedPace struct {
	PerSecond     float64 `json:"per_second"`
	TenThousand   float64 `json:"of_10000_events_per_second"`
	PerMillion    float64 `json:"of_10000_events_per_million_kernel_events"`
	EventsPerSeed float64 `json:"events_per_seed"`
}

// clusterRates are the measured loads, in batches per second of virtual time.
var clusterRates = [...]int{100, 1_000}

// doctorCommand measures this build on this machine.
func (a *app) doctorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "doctor",
		Short:   "Measures this build on this machine",
		Example: "  samsa doctor speed\n  samsa doctor speed --for 10s --json",
		Args:    cobra.ArbitraryArgs,
	}
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		u := usage("samsa help doctor", "cannot measure %q; there is speed", args[0])
		u.meant = scenarios.Nearest(args[0], []string{"speed"})
		return u
	}
	cmd.AddCommand(a.speedCommand())
	return cmd
}

// speedCommand measures the speed of worlds.
func (a *app) speedCommand() *cobra.Command {
	var lasts time.Duration
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "speed",
		Short: "Measures the speed of worlds: the kernel, a cluster, and exploring",
		Long: "Measures on one core, in turns: timers in an empty world, the minimum cost of an event; three brokers and three " +
			"controllers with every check, at 100 and at 1,000 batches per second of virtual time; and samsa explore, in seeds " +
			"of 10,000 events.\n\n" +
			"The last column divides by the kernel's speed in million events per second. It depends on the version of Samsa more than " +
			"on the machine, so compare it between machines.\n\n" +
			`Exit codes: 0; 2 wrong usage; 130 interrupted, with the figures so far. With --json there is exactly one object on stdout: ` +
			`schema "samsa.doctor/1".`,
		Example: "  samsa doctor speed\n" +
			"  samsa doctor speed --for 10s          steadier figures\n" +
			"  samsa doctor speed --json",
		Args: exactly(0, "no words"),
		RunE: func(*cobra.Command, []string) error {
			if lasts <= 0 {
				return usage("samsa doctor speed --for 3s", "--for must be a time such as 3s, not %s", lasts)
			}
			r, err := a.measure(lasts)
			if err != nil {
				return err
			}
			if !asJSON {
				fmt.Fprint(a.out, r.text())
				return nil
			}
			out, err := json.Marshal(r)
			if err == nil {
				fmt.Fprintf(a.out, "%s\n", out)
			}
			return err
		},
	}
	cmd.Long = hardWrap(cmd.Long)
	cmd.Flags().SortFlags = false
	cmd.Flags().DurationVar(&lasts, "for", 3*time.Second, "measures each of the four for `TIME`")
	cmd.Flags().BoolVar(&asJSON, "json", false, "prints one JSON object instead of text")
	return cmd
}

// measure runs the four measurements.
func (a *app) measure(each time.Duration) (*doctorReport, error) {
	works := []speed.Work{speed.NewKernel(), &speed.Seeds{}}
	for _, rate := range clusterRates {
		c, err := speed.NewCluster(rate)
		if err != nil {
			return nil, err
		}
		works = append(works, c)
	}
	r := &doctorReport{Schema: "samsa.doctor/1", Build: build()}
	began := a.now()
	paces := speed.Measure(works, func() int64 { return int64(a.now().Sub(began)) }, int64(each), func() bool {
		if a.pressed() {
			r.Interrupted, a.code = true, exitInterrupted
		}
		return r.Interrupted
	})
	kernel, seeds := paces[0], paces[1]
	r.KernelEventsPerSecond = ratio(1e9*float64(kernel.Events), float64(kernel.Spent))
	million := r.KernelEventsPerSecond / 1e6
	r.Seeds.PerSecond = ratio(1e9*float64(seeds.Rounds), float64(seeds.Spent))
	r.Seeds.TenThousand = ratio(1e9*float64(seeds.Events)/10_000, float64(seeds.Spent))
	r.Seeds.PerMillion = ratio(r.Seeds.TenThousand, million)
	r.Seeds.EventsPerSeed = ratio(float64(seeds.Events), float64(seeds.Rounds))
	for i, rate := range clusterRates {
		p := paces[2+i]
		c := clusterPace{Rate: rate, XReal: ratio(float64(p.Virtual), float64(p.Spent)), EventsPerSecond: ratio(1e9*float64(p.Events), float64(p.Spent))}
		c.XRealPerMillion = ratio(c.XReal, million)
		r.Clusters = append(r.Clusters, c)
	}
	return r, nil
}

// grouped groups the digits, as in 1,000.
func grouped(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", grouped(n/1000), n%1000)
}

// ratio returns a/b, or 0 if b is 0, which can happen after an interrupt.
func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// text returns the report as text.
func (r *doctorReport) text() string {
	var b strings.Builder
	row := func(what, figure, of string) {
		b.WriteString(strings.TrimRight(fmt.Sprintf("%-39s %-20s %s", what, figure, of), " ") + "\n")
	}
	fmt.Fprintf(&b, "%s, one core\n\n", r.Build)
	row("", "measured", "per M kernel ev./s")
	row("kernel: timers in a bare world", fmt.Sprintf("%.2f M events/s", r.KernelEventsPerSecond/1e6), "")
	b.WriteString("3 brokers, 3 controllers, every judge:\n")
	for _, c := range r.Clusters {
		row(fmt.Sprintf("  %s batches per virtual second", grouped(c.Rate)), fmt.Sprintf("%.1f x real time", c.XReal), fmt.Sprintf("%.1f", c.XRealPerMillion))
	}
	row("explored seeds of 10,000 events", fmt.Sprintf("%.1f a second", r.Seeds.TenThousand), fmt.Sprintf("%.2f", r.Seeds.PerMillion))
	if r.Interrupted {
		b.WriteString("\ninterrupted: the figures are of the work so far\n")
	}
	return b.String()
}
