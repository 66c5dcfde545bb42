import { MusterError, problem } from '../../errors/index.js';
import type { AccessBook } from '../access.js';
import type { KeyKind } from '../keys.js';
import type { Findings } from './findings.js';
import { companyFault, signatureFault } from './verify.js';
import type { IdentityFault, Signature } from './verify.js';

/** Whose call it is. */
export interface Caller {
  readonly workspaceId: string;
  readonly kind: KeyKind;
}

/** Asks callers with a write key whether they may speak for a user. */
export interface IdentityGuard {
  /** Errors, when the workspace enforces: those of `IdentityFault`. */
  user(caller: Caller, userId: string, signature: Signature): Promise<void>;
  /**
   * Whether the caller may speak for a company: join it, make it or change it. A user's signature says nothing of a
   * company; it takes a token that names it, of that user where there is one. Errors as above.
   */
  company(caller: Caller, companyId: string, signature: Signature, userId?: string): Promise<void>;
  /** Whether the caller may see anything of this person: in every mode it takes a valid signature, or a secret key. */
  mayRead(caller: Caller, userId: string, signature: Signature): Promise<boolean>;
}

/** A secret key speaks for everybody and is never asked. */
export function identityGuard(access: AccessBook, findings: Findings, clock: () => number): IdentityGuard {
  async function judged(
    caller: Caller,
    judge: (secrets: Awaited<ReturnType<AccessBook['identity']>>['secrets']) => Promise<IdentityFault | null>,
  ): Promise<IdentityFault | null> {
    if (caller.kind === 'secret') return null;
    const { mode, secrets } = await access.identity(caller.workspaceId);
    if (mode === 'off') return null;
    const fault = await judge(secrets);
    if (fault === null) return null;
    findings.note(caller.workspaceId, fault, clock());
    return mode === 'enforce' ? fault : null;
  }

  return {
    async mayRead({ kind, workspaceId }, userId, signature) {
      if (kind === 'secret') return true;
      const { secrets } = await access.identity(workspaceId);
      return (await signatureFault({ ...signature, workspaceId, userId }, secrets, clock())) === null;
    },
    async user(caller, userId, signature) {
      const claim = { ...signature, workspaceId: caller.workspaceId, userId };
      refuseFault(await judged(caller, (secrets) => signatureFault(claim, secrets, clock())));
    },
    async company(caller, companyId, { token }, userId) {
      const claim = { token, workspaceId: caller.workspaceId, companyId, userId };
      refuseFault(await judged(caller, (secrets) => companyFault(claim, secrets, clock())));
    },
  };
}

function refuseFault(fault: IdentityFault | null): void {
  if (fault !== null) throw new MusterError(problem(fault));
}
