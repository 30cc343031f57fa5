// SPDX-License-Identifier: GPL-2.0
/*
 * A VM's debugfs files: statistics, and for the administrator of a guest that
 * hangs, which vCPU listens to which event and a way to raise one. debugfs.rs is
 * the other half.
 *
 * The files hold no reference to the VM and need none. debugfs begins no
 * operation on a file that was removed, and removes a file only when the
 * operations that run have ended. KVM removes the folder before it destroys a
 * vCPU. So the VM and its vCPUs are there until an operation ends, though the
 * file may stay open for longer. While it is open, the module stays loaded,
 * because file_operations name the module.
 */

#include <linux/debugfs.h>
#include <linux/kvm_host.h>
#include <linux/seq_file.h>
#include <linux/string.h>

#include "../../include/uapi/linux/kvm_sdei.h"
#include "debugfs.h"

static int calls_get(void *kvm, u64 *val)
{
	*val = sdei_total(kvm, SDEI_CALLS);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(calls_fops, calls_get, NULL, "%llu\n");

static int deliveries_get(void *kvm, u64 *val)
{
	*val = sdei_total(kvm, SDEI_DELIVERIES);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(deliveries_fops, deliveries_get, NULL, "%llu\n");

static int injections_get(void *kvm, u64 *val)
{
	*val = sdei_total(kvm, SDEI_INJECTIONS);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(injections_fops, injections_get, NULL, "%llu\n");

void sdei_show_vcpu(struct seq_file *seq, u32 id)
{
	seq_printf(seq, "%u", id);
}

void sdei_show_event(struct seq_file *seq, u32 event, u64 state, bool blocked)
{
	seq_printf(seq, " 0x%08x=%s%s%s", event,
		   state & KVM_SDEI_STATE_ENABLED ? "enabled" : "disabled",
		   blocked ? ",blocked" : "",
		   state & KVM_SDEI_STATE_PENDING ? ",pending" : "");
}

void sdei_show_end(struct seq_file *seq)
{
	seq_putc(seq, '\n');
}

static int vcpus_show(struct seq_file *seq, void *unused)
{
	sdei_show_vcpus(seq->private, seq);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(vcpus);

/* "EVENT" or "VCPU EVENT", each a number as in C. */
static ssize_t inject_write(struct file *file, const char __user *buf,
			    size_t len, loff_t *ppos)
{
	char text[64], *event, *vcpu;
	s64 id = SDEI_ANY_VCPU;
	u64 number;
	u32 n;
	int ret;

	if (len >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, buf, len))
		return -EFAULT;
	text[len] = '\0';
	if (strlen(text) != len)
		return -EINVAL;

	event = strim(text);
	vcpu = strsep(&event, " ");
	if (event) {
		ret = kstrtou32(vcpu, 0, &n);
		if (ret)
			return ret;
		id = n;
	} else {
		event = vcpu;
	}
	ret = kstrtou64(skip_spaces(event), 0, &number);
	if (ret)
		return ret;

	return sdei_inject(file->private_data, id, number) ?: len;
}

static const struct file_operations inject_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = inject_write,
};

void sdei_debugfs_create(struct kvm *kvm, void *vm_data, struct dentry *dir)
{
	debugfs_create_file("sdei_calls", 0444, dir, kvm, &calls_fops);
	debugfs_create_file("sdei_deliveries", 0444, dir, kvm, &deliveries_fops);
	debugfs_create_file("sdei_injections", 0444, dir, kvm, &injections_fops);
	debugfs_create_file("sdei_vcpus", 0400, dir, kvm, &vcpus_fops);
	debugfs_create_file("sdei_inject", 0200, dir, kvm, &inject_fops);
}
