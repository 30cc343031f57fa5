/* SPDX-License-Identifier: GPL-2.0 */
/* Tracepoints; in tracefs under events/kvm_sdei. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM kvm_sdei

#if !defined(KVM_SDEI_TRACEPOINTS_H) || defined(TRACE_HEADER_MULTI_READ)
#define KVM_SDEI_TRACEPOINTS_H

#include <linux/tracepoint.h>

int sdei_trace_on(void);
void sdei_trace_off(void);

/* A call of the guest, and what it returned in x0. */
TRACE_EVENT_FN(sdei_call,
	       TP_PROTO(int vcpu, unsigned int fn, u64 arg, u64 pc, s64 result),
	       TP_ARGS(vcpu, fn, arg, pc, result),

	       TP_STRUCT__entry(__field(int, vcpu)
				__field(unsigned int, fn)
				__field(u64, arg)
				__field(u64, pc)
				__field(s64, result)),

	       TP_fast_assign(__entry->vcpu = vcpu;
			      __entry->fn = fn;
			      __entry->arg = arg;
			      __entry->pc = pc;
			      __entry->result = result;),

	       TP_printk("vcpu=%d fn=0x%08x arg=0x%llx pc=0x%llx result=%lld",
			 __entry->vcpu, __entry->fn, __entry->arg, __entry->pc,
			 __entry->result),

	       sdei_trace_on, sdei_trace_off
);

DECLARE_EVENT_CLASS(sdei_handler,
		    TP_PROTO(int vcpu, unsigned int event, u64 pc),
		    TP_ARGS(vcpu, event, pc),

		    TP_STRUCT__entry(__field(int, vcpu)
				     __field(unsigned int, event)
				     __field(u64, pc)),

		    TP_fast_assign(__entry->vcpu = vcpu;
				   __entry->event = event;
				   __entry->pc = pc;),

		    TP_printk("vcpu=%d event=0x%08x pc=0x%llx",
			      __entry->vcpu, __entry->event, __entry->pc)
);

/* A handler is entered; pc is what it interrupts. */
DEFINE_EVENT_FN(sdei_handler, sdei_deliver,
		TP_PROTO(int vcpu, unsigned int event, u64 pc),
		TP_ARGS(vcpu, event, pc),
		sdei_trace_on, sdei_trace_off
);

/* A handler ended; pc is where the guest goes on. */
DEFINE_EVENT_FN(sdei_handler, sdei_complete,
		TP_PROTO(int vcpu, unsigned int event, u64 pc),
		TP_ARGS(vcpu, event, pc),
		sdei_trace_on, sdei_trace_off
);

#endif /* KVM_SDEI_TRACEPOINTS_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE tracepoints
#include <trace/define_trace.h>
