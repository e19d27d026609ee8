<#
    Written by mimc from a spec. Change the spec, not this file.

    mimc compiles the same content to MOF by itself. To compile it on a Windows node instead, with the module
    installed there, run this file in Windows PowerShell 5.1: it asks for the credentials and writes the documents
    beside itself, encrypted for the certificates that lie there.
#>
[CmdletBinding()]
param
(
    # env:FABRIKAM_SETUP_PASSWORD
    [Parameter(Mandatory = $true)]
    [System.Management.Automation.PSCredential]
    $SyncRunAs,

    [System.String]
    $OutputPath = $PSScriptRoot
)

$configurationData = @{
    AllNodes = @(
        @{
            NodeName = 'fabsync01'
            CertificateFile = Join-Path -Path $PSScriptRoot -ChildPath 'fabsync01.cer'
            PSDscAllowDomainUser = $true
        }
    )
}

Configuration FabrikamSync
{
    Import-DscResource -ModuleName 'MimSyncDsc' -ModuleVersion '0.0.1'

    Node 'fabsync01'
    {
        MimSyncService 'Sync'
        {
            IsSingleInstance       = 'Yes'
            Ensure                 = 'Present'
            SourcePath             = 'D:\Medien für MIM\MIM 2016 SP2\Synchronization Service'
            AcceptLicense          = $true
            InstallDirectory       = 'E:\Program Files\Identität & Zugriff'
            SqlServer              = 'localhost'
            SqlInstance            = 'MIM$SYNC'
            DatabaseName           = 'Fabrikam''s Sync Datenbank (Übung)'
            ManagedServiceAccount  = 'FABRIKAM\gmsa-mimsync$'
            AdministratorsGroup    = 'FABRIKAM\MIM Admins $ Tier 0'
            OperatorsGroup         = 'FABRIKAM\Bediener für Abgleich'
            JoinersGroup           = 'FABRIKAM\O''Connor''s Joiners'
            BrowseGroup            = 'FABRIKAM\MIM Browse'
            PasswordResetGroup     = 'FABRIKAM\Kennwörter zurücksetzen'
            EnableRpcFirewallRules = $false
            KeyBackupPath          = 'E:\Schlüssel\miis keys.bin'
            MinimumVersion         = '4.6.34.0'
            SetupTimeout           = 3600
            PsDscRunAsCredential   = $SyncRunAs
        }
    }
}

[DSCLocalConfigurationManager()]
Configuration FabrikamSyncLcm
{
    Node 'fabsync01'
    {
        Settings
        {
            ActionAfterReboot  = 'ContinueConfiguration'
            ConfigurationMode  = 'ApplyOnly'
            RebootNodeIfNeeded = $false
            RefreshMode        = 'Push'
            CertificateID      = '94D28E919E865A4DFFE70837213DB19FDF23429E'
        }
    }
}

FabrikamSync -ConfigurationData $configurationData -OutputPath $OutputPath
FabrikamSyncLcm -OutputPath $OutputPath
