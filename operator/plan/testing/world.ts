import assert from 'node:assert/strict';
import type { UpdateMode } from '@lithair/crds';
import { type MemberGroup, memberNames, volumeClaimName } from '../../manifests/index.ts';
import { examplePod } from '../../testing/examples.ts';
import type { Action, Change, MemberFact, PodView, Situation, VolumeFact } from '../index.ts';

const SETTLED_MS = 3_600_000;

interface Pod {
  name: string;
  uid: string;
  revision: string;
  /** Passes until it is ready; Infinity: never. */
  startsIn: number;
  createdAtMs: number;
}

/** A cluster small enough to be carried about: what a member table, pods and volumes do. */
export class World {
  groups: readonly MemberGroup[];
  wanted: readonly MemberGroup[];
  readonly members: MemberFact[] = [];
  readonly pods: Pod[] = [];
  readonly volumes = new Map<string, { uid: string; member: number; removed: number | null }>();
  leader: string | null;
  retain: boolean;
  revision = 'r1';
  updates: UpdateMode = 'Rolling';
  nowMs = SETTLED_MS;
  /** Whether pods of the present template ever become ready. */
  works = true;
  /** Names that are away whatever is done. */
  readonly down = new Set<string>();
  #nextMember = 1;
  #nextUid = 1;

  constructor(start: readonly MemberGroup[], retain: boolean) {
    this.groups = start;
    this.wanted = start;
    this.retain = retain;
    for (const name of memberNames(start)) this.#makePod(name, 0);
    for (const pod of this.pods) this.#join(pod.name);
    this.leader = this.members.find(({ role }) => role === 'voter')?.name ?? null;
  }

  situation(): Situation {
    return {
      inForce: this.groups,
      wanted: this.wanted,
      members: this.members.map((member) => ({
        ...member,
        lag: this.isUp(member.name) ? 0 : null,
      })),
      leader: this.leader,
      pods: this.pods.map((pod) => this.#view(pod)),
      outdated: this.pods
        .filter(({ revision }) => revision !== this.revision)
        .map(({ name }) => name),
      updates: this.updates,
      emptyDisks: this.pods
        .filter(({ name, startsIn }) => startsIn <= 0 && this.#isForeign(name))
        .map(({ name }) => name),
      certificatesDue: [],
      volumes: [...this.volumes].map(
        ([name, { uid, removed }]): VolumeFact => ({
          name,
          uid,
          deleting: false,
          removedMember: removed,
        }),
      ),
      retain: this.retain,
      nowMs: this.nowMs,
    };
  }

  /** Whether the member of that name takes part. */
  isUp(name: string): boolean {
    const pod = this.pods.find((candidate) => candidate.name === name);
    const member = this.members.find((candidate) => candidate.name === name);
    if (pod === undefined || member === undefined || pod.startsIn > 0) return false;
    return this.volumes.get(volumeClaimName(name))?.member === member.id && !this.down.has(name);
  }

  voters(): MemberFact[] {
    return this.members.filter(({ role }) => role === 'voter');
  }

  hasQuorum(): boolean {
    const up = this.voters().filter(({ name }) => this.isUp(name));
    return up.length * 2 > this.voters().length;
  }

  carryOut(change: Change): void {
    this.groups = change.groups;
    for (const action of change.actions) this.#do(action);
    this.#reconcileSets();
  }

  /** Time goes on: pods start, members join, and somebody leads where a quorum is up. */
  tick(): void {
    this.nowMs += 1_000;
    for (const pod of this.pods) pod.startsIn -= 1;
    for (const pod of this.pods) {
      if (pod.startsIn <= 0 && !this.down.has(pod.name)) this.#join(pod.name);
    }
    if (this.leader !== null && !this.isUp(this.leader)) this.leader = null;
    if (!this.hasQuorum()) this.leader = null;
    else this.leader ??= this.voters().find(({ name }) => this.isUp(name))?.name ?? null;
  }

  loseDisk(name: string): void {
    this.volumes.set(volumeClaimName(name), { uid: this.#uid(), member: 0, removed: null });
  }

  #view(pod: Pod): PodView {
    const ready = this.isUp(pod.name);
    const trouble =
      pod.startsIn === Number.POSITIVE_INFINITY ? 'ErrImagePull: no such image' : null;
    const { name, uid, revision, createdAtMs } = pod;
    return examplePod(name, { uid, revision, ready, trouble, createdAtMs });
  }

  /** An empty disk whose name is still somebody else's. */
  #isForeign(name: string): boolean {
    const member = this.members.find((candidate) => candidate.name === name);
    return member !== undefined && this.volumes.get(volumeClaimName(name))?.member === 0;
  }

  #do(action: Action): void {
    switch (action.do) {
      case 'transferLeadership': {
        const next = this.members.find(({ id }) => id === action.to);
        assert.equal(this.leader, action.from);
        assert.ok(next?.role === 'voter' && this.isUp(next.name), 'leadership goes to a voter');
        this.leader = next.name;
        return;
      }
      case 'removeMember':
        this.members.splice(
          this.members.findIndex(({ id }) => id === action.id),
          1,
        );
        return;
      case 'promoteMember':
        this.#promote(action.id);
        return;
      case 'replacePod': {
        const index = this.pods.findIndex(({ uid }) => uid === action.uid);
        assert.notEqual(index, -1);
        this.pods.splice(index, 1);
        return;
      }
      case 'markVolume': {
        const volume = this.volumes.get(action.name);
        if (volume !== undefined) volume.removed = action.removedMember;
        return;
      }
      case 'deleteVolume':
        this.volumes.delete(action.name);
        return;
      default:
        assert.fail(`planChange does not ${action.do}`);
    }
  }

  #reconcileSets(): void {
    const names = memberNames(this.groups);
    for (const pod of this.pods.filter(({ name }) => !names.includes(name))) {
      this.pods.splice(this.pods.indexOf(pod), 1);
    }
    for (const name of names) {
      if (!this.pods.some((pod) => pod.name === name)) this.#makePod(name, 2);
    }
  }

  #makePod(name: string, startsIn: number): void {
    const claim = volumeClaimName(name);
    if (!this.volumes.has(claim)) {
      this.volumes.set(claim, { uid: this.#uid(), member: 0, removed: null });
    }
    const starts = this.works ? startsIn : Number.POSITIVE_INFINITY;
    const { revision, nowMs: createdAtMs } = this;
    this.pods.push({ name, uid: this.#uid(), revision, startsIn: starts, createdAtMs });
  }

  /** An empty disk is taken in where its name is free; a disk of a removed member never is. */
  #join(name: string): void {
    const volume = this.volumes.get(volumeClaimName(name));
    if (volume === undefined || volume.member !== 0) return;
    if (this.members.some((member) => member.name === name)) return;
    const group = this.groups.find(({ statefulSet }) => name.replace(/-\d+$/, '') === statefulSet);
    volume.member = this.#nextMember++;
    this.members.push({ id: volume.member, name, role: group?.role ?? 'learner', lag: 0 });
  }

  #promote(id: number): void {
    const index = this.members.findIndex((member) => member.id === id);
    const member = this.members[index];
    assert.ok(member);
    this.members[index] = { ...member, role: 'voter' };
  }

  #uid(): string {
    return `uid-${this.#nextUid++}`;
  }
}
