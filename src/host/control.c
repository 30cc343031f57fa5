// SPDX-License-Identifier: GPL-2.0
/*
 * A VM's debugfs files for its administrator, who gets through to a guest that
 * hangs whatever its VMM knows: who listens to which event, and a way to raise
 * one. control.rs is the other half.
 *
 * The files hold no reference to the VM and need none. debugfs begins no
 * operation on a file that was removed, and removes it only when those that
 * run have ended; KVM removes the folder before it destroys a vCPU. So what an
 * operation finds is there until it ends, though the file may stay open for
 * longer. While it is, the module stays, because file_operations name it.
 */

#include <linux/debugfs.h>
#include <linux/kvm_host.h>
#include <linux/seq_file.h>
#include <linux/string.h>

#include "../../include/uapi/linux/kvm_sdei.h"
#include "shim.h"

u32 sdei_shim_vcpu_id(struct kvm_vcpu *vcpu)
{
	return vcpu->vcpu_id;
}

void sdei_shim_show_vcpu(struct seq_file *seq, u32 id)
{
	seq_printf(seq, "%u", id);
}

void sdei_shim_show_event(struct seq_file *seq, u32 event, u64 state, bool blocked)
{
	seq_printf(seq, " 0x%08x=%s%s%s", event,
		   state & KVM_SDEI_STATE_ENABLED ? "enabled" : "disabled",
		   blocked ? ",blocked" : "",
		   state & KVM_SDEI_STATE_PENDING ? ",pending" : "");
}

void sdei_shim_show_end(struct seq_file *seq)
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

void sdei_control_debugfs(struct kvm *kvm, struct dentry *dir)
{
	debugfs_create_file("sdei_vcpus", 0400, dir, kvm, &vcpus_fops);
	debugfs_create_file("sdei_inject", 0200, dir, kvm, &inject_fops);
}
